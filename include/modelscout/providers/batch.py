"""What a vendor's batch API takes and gives: many calls at once, answered within a day, at about half the price.

This module must never import a vendor's SDK.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from modelscout.core.errors import ProviderError
from modelscout.providers.protocol import GenerateRequest, GenerateResult, ProviderAdapter


class BatchState(StrEnum):
    """How far a batch is."""

    PROCESSING = "processing"
    """Being validated, worked on or canceled."""
    ENDED = "ended"
    """Its results can be read, whatever became of it."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What the vendor takes in one batch."""

    items: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One call of a batch. `item_id` is unique and begins with the batch's name: see `Batches.find`."""

    item_id: str
    request: GenerateRequest


@dataclass(frozen=True, slots=True)
class SentItem:
    """What reading an item's answer needs to know of its request."""

    model: str
    image_count: int = 0


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """A batch as the vendor shows it. Counts are None where it does not say; Anthropic counts at the end only."""

    batch_id: str
    """The vendor's id."""
    state: BatchState
    total: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    """Refused, expired and canceled ones together."""
    created_at: datetime | None = None


class Found(NamedTuple):
    """What a search for a batch came to."""

    batch: BatchStatus | None
    is_certain: bool = True
    """False where a batch is there that cannot be told apart from ours before it has ended."""


class ItemResult(NamedTuple):
    """What became of one item."""

    item_id: str
    outcome: GenerateResult | ProviderError


class Batches(Protocol):
    """One vendor's batch API for one key. All methods raise ProviderError."""

    @property
    def limits(self) -> BatchLimits:
        """What one batch may hold."""
        ...

    async def submit(self, name: str, items: Sequence[BatchItem]) -> BatchStatus:
        """Hand in a batch under a name of ours. All items are for one model.

        After an error without a status the vendor may have taken it all the same: `find` tells.
        """
        ...

    async def find(self, name: str, *, items: int, since: datetime) -> Found:
        """The batch of this name with so many items, handed in after `since`, if the vendor has it."""
        ...

    async def status(self, batch_id: str) -> BatchStatus:
        """How far a batch is."""
        ...

    def results(self, batch_id: str, sent: Mapping[str, SentItem]) -> AsyncIterator[ItemResult]:
        """Exactly one result for each item of `sent`, in any order, once the batch has ended.

        An item that was refused, expired, was canceled or is missing comes with its own ProviderError.
        """
        ...

    async def cancel(self, batch_id: str) -> None:
        """Ask the vendor to stop; what is answered already stays, and is billed."""
        ...

    async def discard(self, batch_id: str) -> None:
        """Delete an ended batch with its questions and answers at the vendor."""
        ...


def batches_of(adapter: ProviderAdapter) -> Batches | None:
    """The batch API of an adapter; None where the vendor has none or the adapter knows none."""
    found: Batches | None = getattr(adapter, "batches", None)
    return found
