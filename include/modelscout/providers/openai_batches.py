"""OpenAI's batches: a file of requests goes in, files of answers and of errors come out.

The name is kept in the batch's metadata. Input and output expire at the vendor after three days, also where a
process died before it could delete them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import openai  # noqa: TID253 - the adapter loads this module on the first batch only

from modelscout.providers import wire
from modelscout.providers.adapter import Adapter, RawAnswer
from modelscout.providers.batch import BatchItem, BatchLimits, BatchState, BatchStatus, Found
from modelscout.providers.batch_adapter import (
    CANCELED,
    EXPIRED,
    MISSING,
    TRANSFER_TIMEOUT_S,
    ItemLine,
    ResultLines,
    VendorBatches,
)
from modelscout.providers.errors import VendorFailure
from modelscout.providers.openai import failure_of, request_body

NAME_KEY = "modelscout_batch"
KEPT_S = 3 * 24 * 3600
ENDPOINT: Final = "/v1/responses"

_ENDED = {"completed": MISSING, "expired": EXPIRED, "cancelled": CANCELED, "failed": MISSING}
"""What happened to an item without a line, by the status of an ended batch."""


class OpenAIBatches(VendorBatches):
    """Files and `/v1/batches`."""

    limits = BatchLimits(items=50_000, size_bytes=200_000_000)

    def __init__(self, adapter: Adapter, client: openai.AsyncOpenAI) -> None:
        """Works with `client`, which the caller closes."""
        super().__init__(adapter)
        self._client = client

    async def _submit(self, name: str, items: Sequence[BatchItem]) -> BatchStatus:
        timeout = wire.timeout(TRANSFER_TIMEOUT_S)
        file = await self._client.files.create(
            file=(f"{name}.jsonl", b"".join(_request_line(item) for item in items)),
            purpose="batch",
            expires_after={"anchor": "created_at", "seconds": KEPT_S},
            timeout=timeout,
        )
        raw = await self._client.batches.with_raw_response.create(
            input_file_id=file.id,
            endpoint=ENDPOINT,
            completion_window="24h",
            metadata={NAME_KEY: name},
            output_expires_after={"anchor": "created_at", "seconds": KEPT_S},
            timeout=timeout,
        )
        return _status(self._object(raw.text))

    async def _find(self, name: str, items: int, since: datetime) -> Found:  # noqa: ARG002
        """By metadata, newest first."""
        more: dict[str, Any] = {}
        while True:
            raw = await self._client.batches.with_raw_response.list(limit=100, **more)
            page = self._object(raw.text)
            for entry in page["data"]:
                if (entry.get("metadata") or {}).get(NAME_KEY) == name:
                    return Found(_status(entry))
            last = page["data"][-1] if page["data"] else {}
            if not page.get("has_more") or not last or last["created_at"] < since.timestamp():
                return Found(None)
            more = {"after": last["id"]}

    async def _status(self, batch_id: str) -> BatchStatus:
        return _status(await self._retrieve(batch_id))

    async def _lines(self, batch_id: str) -> ResultLines:
        batch = await self._retrieve(batch_id)
        lines: list[ItemLine] = []
        for key in ("output_file_id", "error_file_id"):
            if batch.get(key):
                raw = await self._client.files.with_raw_response.content(
                    batch[key], timeout=wire.timeout(TRANSFER_TIMEOUT_S)
                )
                # Not splitlines(): answers may hold other line separators.
                lines += [_result_line(self._object(text)) for text in raw.text.split("\n") if text.strip()]
        return ResultLines(lines, rest=_failure_of_batch(batch))

    async def _cancel(self, batch_id: str) -> None:
        await self._client.batches.with_raw_response.cancel(batch_id)

    async def _discard(self, batch_id: str) -> None:
        """The files hold all; the batch itself cannot be deleted."""
        batch = await self._retrieve(batch_id)
        for key in ("input_file_id", "output_file_id", "error_file_id"):
            if batch.get(key):
                await self._client.files.with_raw_response.delete(batch[key])

    async def _retrieve(self, batch_id: str) -> Mapping[str, Any]:
        raw = await self._client.batches.with_raw_response.retrieve(batch_id)
        return self._object(raw.text)

    def _object(self, text: str) -> dict[str, Any]:
        return wire.json_object(self._adapter.credential, text, request_id=None)


def _request_line(item: BatchItem) -> bytes:
    body = request_body(item.request)
    line = {"custom_id": item.item_id, "method": "POST", "url": ENDPOINT, "body": body}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _status(batch: Mapping[str, Any]) -> BatchStatus:
    counts = batch.get("request_counts") or {}
    return BatchStatus(
        batch_id=batch["id"],
        state=BatchState.ENDED if batch["status"] in _ENDED else BatchState.PROCESSING,
        total=counts.get("total"),
        succeeded=counts.get("completed"),
        failed=counts.get("failed"),
        created_at=wire.parse_epoch(batch.get("created_at")),
    )


def _result_line(line: Mapping[str, Any]) -> ItemLine:
    response = line.get("response") or {}
    status, request_id = response.get("status_code"), response.get("request_id")
    answer: RawAnswer | VendorFailure = RawAnswer(response.get("body") or {}, request_id)
    if line.get("error") or not response:
        answer = failure_of(line.get("error"), request_id, message="the item failed")
    elif status is not None and status >= 400:
        answer = failure_of(response.get("body"), request_id, message="the item failed", status=status)
    return ItemLine(line["custom_id"], answer)


def _failure_of_batch(batch: Mapping[str, Any]) -> VendorFailure:
    errors: Iterator[Mapping[str, Any]] = iter((batch.get("errors") or {}).get("data") or ())
    first = next(errors, None)
    if batch["status"] != "failed" or first is None:
        return _ENDED.get(batch["status"], MISSING)
    return failure_of(first, None, message="the batch failed")
