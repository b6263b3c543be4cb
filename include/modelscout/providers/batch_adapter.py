"""What the batch APIs of all vendors share: time limits, one reading of answers and errors, one result an item."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from modelscout.core.errors import ConfigurationError, ProviderError
from modelscout.providers.adapter import Adapter, RawAnswer, VendorRefused
from modelscout.providers.batch import BatchItem, BatchLimits, BatchStatus, Found, ItemResult, SentItem
from modelscout.providers.errors import VendorFailure
from modelscout.providers.protocol import GenerateResult

TRANSFER_TIMEOUT_S = 300.0
"""For handing in a batch and for fetching its results: both may be a hundred megabytes."""
CLOCK_SKEW = timedelta(minutes=5)
"""How far our clock may be ahead of the vendor's."""
MISSING = VendorFailure("the batch ended without a result for this item", codes=("batch_item_missing",))
EXPIRED = VendorFailure("the batch expired before this item was answered", codes=("batch_expired",))
CANCELED = VendorFailure("the batch was canceled before this item was answered", codes=("batch_canceled",))


@dataclass(frozen=True, slots=True)
class ItemLine:
    """What the vendor says of one item: an answer in the form of a live one, or a failure."""

    item_id: str
    answer: RawAnswer | VendorFailure


@dataclass(frozen=True, slots=True)
class ResultLines:
    """All that the vendor says of an ended batch; `rest` is what happened to items that have no line."""

    lines: Sequence[ItemLine]
    rest: VendorFailure = MISSING


class VendorBatches(ABC):
    """Implements `Batches` on the vendor's hooks below, beside the adapter of the same key."""

    limits: ClassVar[BatchLimits]

    def __init__(self, adapter: Adapter) -> None:
        """Works with the adapter's client and its reading of answers and errors."""
        self._adapter = adapter

    @abstractmethod
    async def _submit(self, name: str, items: Sequence[BatchItem]) -> BatchStatus: ...

    @abstractmethod
    async def _find(self, name: str, items: int, since: datetime) -> Found: ...

    @abstractmethod
    async def _status(self, batch_id: str) -> BatchStatus: ...

    @abstractmethod
    async def _lines(self, batch_id: str) -> ResultLines: ...

    @abstractmethod
    async def _cancel(self, batch_id: str) -> None: ...

    @abstractmethod
    async def _discard(self, batch_id: str) -> None: ...

    async def submit(self, name: str, items: Sequence[BatchItem]) -> BatchStatus:
        """Hand in a batch. Raises ProviderError; ConfigurationError for ids that do not begin with the name."""
        strange = next((item.item_id for item in items if not item.item_id.startswith(name)), None)
        if strange is not None or not items:
            raise ConfigurationError(
                f"item_id={strange!r}: give at least one item, with ids from {name!r} on"
            )
        return await self._adapter.ask(lambda: self._submit(name, items), timeout_s=TRANSFER_TIMEOUT_S)

    async def find(self, name: str, *, items: int, since: datetime) -> Found:
        """Whether the vendor has the batch. Raises ProviderError."""
        earliest = since - CLOCK_SKEW
        return await self._adapter.ask(
            lambda: self._find(name, items, earliest), timeout_s=TRANSFER_TIMEOUT_S
        )

    async def status(self, batch_id: str) -> BatchStatus:
        """How far a batch is. Raises ProviderError."""
        return await self._adapter.ask(lambda: self._status(batch_id))

    async def cancel(self, batch_id: str) -> None:
        """Ask the vendor to stop. Raises ProviderError."""
        await self._adapter.ask(lambda: self._cancel(batch_id))

    async def discard(self, batch_id: str) -> None:
        """Delete an ended batch at the vendor. Raises ProviderError."""
        await self._adapter.ask(lambda: self._discard(batch_id))

    async def results(self, batch_id: str, sent: Mapping[str, SentItem]) -> AsyncIterator[ItemResult]:
        """One result per item of `sent`. Raises ProviderError where they cannot be fetched."""
        found = await self._adapter.ask(lambda: self._lines(batch_id), timeout_s=TRANSFER_TIMEOUT_S)
        open_items = dict(sent)
        for line in found.lines:
            # A line that nobody asked for, or a second one of an item, is nobody's answer.
            if (item := open_items.pop(line.item_id, None)) is not None:
                yield ItemResult(line.item_id, self._outcome(item, line.answer))
        for item_id, item in open_items.items():
            yield ItemResult(item_id, self._outcome(item, found.rest))

    def _outcome(self, item: SentItem, answer: RawAnswer | VendorFailure) -> GenerateResult | ProviderError:
        try:
            with self._adapter.translated():
                if isinstance(answer, VendorFailure):
                    raise VendorRefused(answer)
                read = self._adapter.read(answer)
        except ProviderError as error:
            return error
        return GenerateResult(
            text=read.text,
            finish_reason=read.finish_reason,
            usage=replace(read.usage, image_count=item.image_count),
            requested_model=item.model,
            served_model=read.served_model or item.model,
            request_id=read.request_id,
            duration_ms=None,
            tool_calls=read.tool_calls,
            confidence=read.confidence,
        )
