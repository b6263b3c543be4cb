"""Google's batches with inlined requests. The name is the batch's display name.

Batches are read over plain HTTP: the SDK (3.4.0) refuses a whole batch where one item's error has details, because
it takes them for text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx2
from google import genai  # noqa: TID253 - the adapter loads this module on the first batch only
from google.genai import types  # noqa: TID253

from modelscout.providers import wire
from modelscout.providers.adapter import Adapter, RawAnswer, VendorRefused
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
from modelscout.providers.google import contents, failure_of, generation_config

ITEM_KEY = "key"

_ENDED = {"SUCCEEDED": MISSING, "EXPIRED": EXPIRED, "CANCELLED": CANCELED, "FAILED": MISSING}
"""What happened to an item without a line, by the state of an ended batch, less `BATCH_STATE_`."""
_HTTP_STATUS = {3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 11: 400, 12: 501, 13: 500, 14: 503, 16: 401}
"""Errors of items come with gRPC's numbers (google.rpc.Code)."""


class GoogleBatches(VendorBatches):
    """`models/…:batchGenerateContent` and `batches`."""

    limits = BatchLimits(items=10_000, size_bytes=19_000_000)
    """Inlined requests may take 20 MB together."""

    def __init__(self, adapter: Adapter, client: genai.Client, http: httpx2.AsyncClient, root: str) -> None:
        """Works with `client` and `http`, which the caller closes; `root` is the endpoint with its version."""
        super().__init__(adapter)
        self._client = client
        self._http = http
        self._root = root

    async def _submit(self, name: str, items: Sequence[BatchItem]) -> BatchStatus:
        job = await self._client.aio.batches.create(
            model=items[0].request.model,
            src=[_inlined(item) for item in items],
            config=types.CreateBatchJobConfig(
                display_name=name, http_options=types.HttpOptions(timeout=int(TRANSFER_TIMEOUT_S * 1000))
            ),
        )
        return BatchStatus(str(job.name), BatchState.PROCESSING, len(items), created_at=job.create_time)

    async def _find(self, name: str, items: int, since: datetime) -> Found:  # noqa: ARG002
        """By display name, over all pages: the list promises no order."""
        page: Mapping[str, Any] = await self._get("batches", pageSize="100")
        while True:
            for entry in page.get("operations") or ():
                if entry["metadata"].get("displayName") == name:
                    return Found(_status(entry))
            if not page.get("nextPageToken"):
                return Found(None)
            page = await self._get("batches", pageSize="100", pageToken=page["nextPageToken"])

    async def _status(self, batch_id: str) -> BatchStatus:
        return _status(await self._get(batch_id))

    async def _lines(self, batch_id: str) -> ResultLines:
        batch = await self._get(batch_id)
        response = batch.get("response") or {}
        output = batch["metadata"].get("output") or response.get("output") or response
        inlined = (output.get("inlinedResponses") or {}).get("inlinedResponses") or ()
        error = batch.get("error")
        rest = _failure(error) if isinstance(error, Mapping) else _ENDED.get(_state(batch), MISSING)
        return ResultLines([_result_line(entry) for entry in inlined], rest=rest)

    async def _cancel(self, batch_id: str) -> None:
        await self._client.aio.batches.cancel(name=batch_id)

    async def _discard(self, batch_id: str) -> None:
        await self._client.aio.batches.delete(name=batch_id)

    async def _get(self, path: str, **query: str) -> dict[str, Any]:
        credential = self._adapter.credential
        response = await self._http.get(
            f"{self._root}/{path}",
            params=query,
            headers={"x-goog-api-key": credential.api_key},
            timeout=wire.timeout(TRANSFER_TIMEOUT_S),
        )
        body = wire.json_object(credential, response.text, request_id=None)
        if response.status_code >= 400:
            raise VendorRefused(failure_of(body, status=response.status_code, headers=response.headers))
        return body


def _inlined(item: BatchItem) -> types.InlinedRequest:
    return types.InlinedRequest(
        contents=[contents(item.request)],
        config=types.GenerateContentConfig(**generation_config(item.request)),
        metadata={ITEM_KEY: item.item_id},
    )


def _state(batch: Mapping[str, Any]) -> str:
    return str(batch["metadata"].get("state", "")).removeprefix("BATCH_STATE_").removeprefix("JOB_STATE_")


def _status(batch: Mapping[str, Any]) -> BatchStatus:
    metadata = batch["metadata"]
    # Numbers of 64 bits come as text, and those that are zero not at all.
    counts = {key: int(value) for key, value in (metadata.get("batchStats") or {}).items()}
    return BatchStatus(
        batch_id=batch["name"],
        state=BatchState.ENDED if _state(batch) in _ENDED else BatchState.PROCESSING,
        total=counts.get("requestCount"),
        succeeded=counts.get("successfulRequestCount", 0),
        failed=counts.get("failedRequestCount", 0),
        created_at=wire.parse_moment(metadata.get("createTime")),
    )


def _result_line(entry: Mapping[str, Any]) -> ItemLine:
    item_id = str((entry.get("metadata") or {}).get(ITEM_KEY))
    error = entry.get("error")
    if isinstance(error, Mapping):
        return ItemLine(item_id, _failure(error))
    body = entry.get("response") or {}
    return ItemLine(item_id, RawAnswer(body, body.get("responseId")))


def _failure(error: Mapping[str, Any]) -> VendorFailure:
    code = error.get("code")
    status = _HTTP_STATUS.get(code, 500 if code < 100 else code) if isinstance(code, int) else None
    return failure_of(error, status=status)
