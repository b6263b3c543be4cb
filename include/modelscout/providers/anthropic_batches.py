"""Anthropic's message batches. They carry no name: a batch is recognised by its items' ids, once it has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import anthropic  # noqa: TID253 - the adapter loads this module on the first batch only
import httpx2

from modelscout.providers import wire
from modelscout.providers.adapter import RawAnswer
from modelscout.providers.anthropic import failure_of
from modelscout.providers.batch import BatchItem, BatchLimits, BatchState, BatchStatus, Found
from modelscout.providers.batch_adapter import (
    CANCELED,
    EXPIRED,
    TRANSFER_TIMEOUT_S,
    ItemLine,
    ResultLines,
    VendorBatches,
)
from modelscout.providers.errors import VendorFailure

if TYPE_CHECKING:
    from modelscout.providers.anthropic import AnthropicAdapter

REFUSED = "invalid_request_error"

_UNANSWERED = {"expired": EXPIRED, "canceled": CANCELED}


class AnthropicBatches(VendorBatches):
    """`/v1/messages/batches`."""

    limits = BatchLimits(items=100_000, size_bytes=256_000_000)

    def __init__(self, adapter: AnthropicAdapter, client: anthropic.AsyncAnthropic) -> None:
        """Works with `client`, which the caller closes."""
        super().__init__(adapter)
        self._messages = adapter
        self._client = client

    async def _submit(self, name: str, items: Sequence[BatchItem]) -> BatchStatus:  # noqa: ARG002
        requests: Any = [
            {"custom_id": item.item_id, "params": self._messages.message_body(item.request)} for item in items
        ]
        raw = await self._client.messages.batches.with_raw_response.create(
            requests=requests, timeout=wire.timeout(TRANSFER_TIMEOUT_S)
        )
        return _status(self._object(await raw.text()))

    async def _find(self, name: str, items: int, since: datetime) -> Found:
        """Of the batches since then with as many items: the one whose items are ours, if it has ended."""
        is_certain = True
        async for entry in self._listed(since):
            status = _status(entry)
            if status.total != items:
                continue
            if status.state is not BatchState.ENDED:
                is_certain = False
            elif any(line["custom_id"].startswith(name) for line in await self._results(status.batch_id)):
                return Found(status)
        return Found(None, is_certain)

    async def _listed(self, since: datetime) -> AsyncIterator[Mapping[str, Any]]:
        """Newest first."""
        more: dict[str, Any] = {}
        while True:
            raw = await self._client.messages.batches.with_raw_response.list(limit=100, **more)
            page = self._object(await raw.text())
            for entry in page["data"]:
                created_at = wire.parse_moment(entry.get("created_at"))
                if created_at is not None and created_at < since:
                    return
                yield entry
            if not (page.get("has_more") and page.get("last_id")):
                return
            more = {"after_id": page["last_id"]}

    async def _status(self, batch_id: str) -> BatchStatus:
        raw = await self._client.messages.batches.with_raw_response.retrieve(batch_id)
        return _status(self._object(await raw.text()))

    async def _lines(self, batch_id: str) -> ResultLines:
        return ResultLines([_result_line(line) for line in await self._results(batch_id)])

    async def _results(self, batch_id: str) -> list[Mapping[str, Any]]:
        """Asked for at our own endpoint: the address that the batch names might be another host's."""
        response = await self._client.get(
            f"/v1/messages/batches/{batch_id}/results",
            cast_to=httpx2.Response,
            options={"timeout": wire.timeout(TRANSFER_TIMEOUT_S)},
        )
        # Not splitlines(): answers may hold other line separators.
        return [self._object(text) for text in response.text.split("\n") if text.strip()]

    async def _cancel(self, batch_id: str) -> None:
        await self._client.messages.batches.with_raw_response.cancel(batch_id)

    async def _discard(self, batch_id: str) -> None:
        await self._client.messages.batches.with_raw_response.delete(batch_id)

    def _object(self, text: str) -> dict[str, Any]:
        return wire.json_object(self._adapter.credential, text, request_id=None)


def _status(batch: Mapping[str, Any]) -> BatchStatus:
    counts: Mapping[str, int] = batch["request_counts"]
    ended = batch["processing_status"] == "ended"
    return BatchStatus(
        batch_id=batch["id"],
        state=BatchState.ENDED if ended else BatchState.PROCESSING,
        total=sum(counts.values()),
        succeeded=counts["succeeded"] if ended else None,
        failed=counts["errored"] + counts["expired"] + counts["canceled"] if ended else None,
        created_at=wire.parse_moment(batch.get("created_at")),
    )


def _result_line(line: Mapping[str, Any]) -> ItemLine:
    result = line["result"]
    answer: RawAnswer | VendorFailure
    if result["type"] == "succeeded":
        answer = RawAnswer(result["message"])
    elif result["type"] in _UNANSWERED:
        answer = _UNANSWERED[result["type"]]
    else:
        failure = failure_of(result.get("error"), message="the item failed")
        # The type that stands for a status which alone would tell; items come without one.
        answer = replace(failure, status=400) if REFUSED in failure.codes else failure
    return ItemLine(line["custom_id"], answer)
