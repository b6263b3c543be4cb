"""Google's batches in the emulator: `models/…:batchGenerateContent` with inlined requests, and `batches`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelscout.emulator.batches import Batch, BatchStore, Entry, Outcome, serve_batches
from modelscout.emulator.engine import Refusal
from modelscout.emulator.google import GENERATE, PROVIDER, request_key
from modelscout.emulator.serving import read_json
from modelscout.emulator.state import KeyState, new_id

_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch"
_RPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 429: 8, 500: 13, 503: 14, 504: 4}
"""Items fail with gRPC's numbers (google.rpc.Code)."""


def routes(store: BatchStore) -> list[Route]:
    """The endpoints under `/gemini/v1` and `/gemini/v1beta`."""
    api = _Api(store)
    found = []
    for root in ("/gemini/v1", "/gemini/v1beta"):
        found += [
            Route(f"{root}/models/{{model}}:batchGenerateContent", api.create, methods=["POST"]),
            Route(f"{root}/batches", api.listed, methods=["GET"]),
            Route(f"{root}/batches/{{batch}}:cancel", api.cancel, methods=["POST"]),
            Route(f"{root}/batches/{{batch}}", api.retrieve, methods=["GET"]),
            Route(f"{root}/batches/{{batch}}", api.delete, methods=["DELETE"]),
        ]
    return found


class _Api:
    def __init__(self, store: BatchStore) -> None:
        self._store = store

    async def create(self, request: Request) -> Response:
        """Take a batch."""
        model = request.path_params["model"]

        async def act(state: KeyState) -> Mapping[str, Any]:
            self._store.emulator.model(state, model)
            given = (await read_json(request)).get("batch") or {}
            requests = ((given.get("inputConfig") or {}).get("requests") or {}).get("requests") or []
            if not requests:
                raise Refusal(400, "batch.input_config.requests is not specified", key_state=state)
            entries = [
                Entry(str(number), {**entry["request"], "model": model, "stream": False})
                for number, entry in enumerate(requests)
            ]
            name = f"batches/{new_id('')}"
            batch = self._store.add(
                GENERATE, request_key(request), state, entries, batch_id=name, name=given.get("displayName")
            )
            batch.details |= {"model": model, "metadata": [entry.get("metadata") for entry in requests]}
            return _shown(batch)

        return await serve_batches(self._store, GENERATE, request_key(request), act, hands_in=True)

    async def listed(self, request: Request) -> Response:
        """In pages."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            batches = self._store.listed(PROVIDER, state)
            size, start = (int(request.query_params.get(n) or d) for n, d in _PAGING)
            answer: dict[str, Any] = {"operations": [_shown(b) for b in batches[start : start + size]]}
            if start + size < len(batches):
                answer["nextPageToken"] = str(start + size)
            return answer

        return await serve_batches(self._store, GENERATE, request_key(request), act)

    async def retrieve(self, request: Request) -> Response:
        """How far a batch is, with its results once it has ended."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            return _shown(self._get(request, state))

        return await serve_batches(self._store, GENERATE, request_key(request), act)

    async def cancel(self, request: Request) -> Response:
        """Stop a batch; what is answered stays."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            self._store.cancel(self._get(request, state))
            return {}

        return await serve_batches(self._store, GENERATE, request_key(request), act)

    async def delete(self, request: Request) -> Response:
        """Forget a batch."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            self._store.delete(self._get(request, state))
            return {}

        return await serve_batches(self._store, GENERATE, request_key(request), act)

    def _get(self, request: Request, state: KeyState) -> Batch:
        return self._store.get(PROVIDER, state, f"batches/{request.path_params['batch']}")


_PAGING = (("pageSize", "50"), ("pageToken", "0"))


def _shown(batch: Batch) -> dict[str, Any]:
    ended = batch.outcomes is not None
    counts = {
        "requestCount": len(batch.entries),
        "successfulRequestCount": batch.count("succeeded"),
        "failedRequestCount": batch.count("errored"),
        "pendingRequestCount": 0 if ended else len(batch.entries),
    }
    created_at = batch.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    metadata: dict[str, Any] = {
        "@type": _TYPE,
        "model": f"models/{batch.details['model']}",
        "displayName": batch.name,
        "createTime": created_at,
        "updateTime": created_at,
        "batchStats": {name: str(count) for name, count in counts.items() if count},
        "state": f"BATCH_STATE_{_state(batch)}",
        "name": batch.batch_id,
    }
    shown: dict[str, Any] = {"name": batch.batch_id, "metadata": metadata}
    if ended:
        results = [_result(batch, o) for o in batch.outcomes or () if o.kind in {"succeeded", "errored"}]
        metadata["output"] = {"inlinedResponses": {"inlinedResponses": results}}
        shown |= {"done": True}
    return shown


def _state(batch: Batch) -> str:
    if batch.outcomes is None:
        return "RUNNING"
    if batch.canceled_s is not None:
        return "CANCELLED"
    return "EXPIRED" if batch.count("expired") else "SUCCEEDED"


def _result(batch: Batch, outcome: Outcome) -> dict[str, Any]:
    result: dict[str, Any] = {"metadata": batch.details["metadata"][int(outcome.item_id)]}
    if outcome.refusal is None:
        return {**result, "response": outcome.body}
    error = outcome.body["error"]
    details = [{"@type": "type.googleapis.com/google.rpc.DebugInfo", "detail": "[ORIGINAL ERROR]"}]
    code = _RPC_CODES.get(error["code"], 13)
    return {**result, "error": {"code": code, "message": error["message"], "details": details}}
