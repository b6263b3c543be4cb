"""Anthropic's message batches in the emulator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelscout.emulator.anthropic import MESSAGES, PROVIDER, page_of, request_key
from modelscout.emulator.batches import Batch, BatchStore, Entry, Outcome, json_lines, serve_batches
from modelscout.emulator.engine import Refusal
from modelscout.emulator.serving import read_json
from modelscout.emulator.state import KeyState, new_id


def routes(store: BatchStore) -> list[Route]:
    """The endpoints under `/anthropic/v1/messages/batches`."""
    api, root = _Api(store), "/anthropic/v1/messages/batches"
    return [
        Route(root, api.create, methods=["POST"]),
        Route(root, api.listed, methods=["GET"]),
        Route(f"{root}/{{batch}}", api.retrieve, methods=["GET"]),
        Route(f"{root}/{{batch}}", api.delete, methods=["DELETE"]),
        Route(f"{root}/{{batch}}/cancel", api.cancel, methods=["POST"]),
        Route(f"{root}/{{batch}}/results", api.results, methods=["GET"]),
    ]


class _Api:
    def __init__(self, store: BatchStore) -> None:
        self._store = store

    async def create(self, request: Request) -> Response:
        """Take a batch."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            requests = (await read_json(request)).get("requests")
            if not isinstance(requests, list) or not requests:
                raise Refusal(400, "requests: Field required", param="requests", key_state=state)
            entries = [Entry(str(entry.get("custom_id")), entry.get("params") or {}) for entry in requests]
            if len({entry.item_id for entry in entries}) < len(entries):
                raise Refusal(400, "requests: custom_id must be unique", key_state=state)
            return _shown(
                self._store.add(MESSAGES, request_key(request), state, entries, batch_id=new_id("msgbatch_")),
                request,
            )

        return await serve_batches(self._store, MESSAGES, request_key(request), act, hands_in=True)

    async def listed(self, request: Request) -> Response:
        """Newest first, in pages."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            return page_of(request, [_shown(batch, request) for batch in self._store.listed(PROVIDER, state)])

        return await serve_batches(self._store, MESSAGES, request_key(request), act)

    async def retrieve(self, request: Request) -> Response:
        """How far a batch is."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            return _shown(self._get(request, state), request)

        return await serve_batches(self._store, MESSAGES, request_key(request), act)

    async def cancel(self, request: Request) -> Response:
        """Stop a batch; what is answered stays."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            return _shown(self._store.cancel(self._get(request, state)), request)

        return await serve_batches(self._store, MESSAGES, request_key(request), act)

    async def delete(self, request: Request) -> Response:
        """Forget an ended batch."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            batch = self._get(request, state)
            if batch.outcomes is None:
                raise Refusal(400, "a batch that is in progress must be canceled first", key_state=state)
            self._store.delete(batch)
            return {"id": batch.batch_id, "type": "message_batch_deleted"}

        return await serve_batches(self._store, MESSAGES, request_key(request), act)

    async def results(self, request: Request) -> Response:
        """One line an item."""

        async def act(state: KeyState) -> Response:
            batch = self._get(request, state)
            if batch.outcomes is None:
                raise Refusal(404, "batch results are not available yet", key_state=state)
            return json_lines([_line(outcome) for outcome in batch.outcomes])

        return await serve_batches(self._store, MESSAGES, request_key(request), act)

    def _get(self, request: Request, state: KeyState) -> Batch:
        return self._store.get(PROVIDER, state, request.path_params["batch"])


def _shown(batch: Batch, request: Request) -> dict[str, Any]:
    ended = batch.outcomes is not None
    results_url = f"{request.base_url}anthropic/v1/messages/batches/{batch.batch_id}/results"
    return {
        "id": batch.batch_id,
        "type": "message_batch",
        "processing_status": "ended" if ended else "in_progress",
        "request_counts": {
            "processing": 0 if ended else len(batch.entries),
            "succeeded": batch.count("succeeded"),
            "errored": batch.count("errored"),
            "canceled": batch.count("canceled"),
            "expired": batch.count("expired"),
        },
        "ended_at": None if batch.ended_at is None else _iso(batch.ended_at),
        "created_at": _iso(batch.created_at),
        "expires_at": _iso(batch.expires_at),
        "archived_at": None,
        "cancel_initiated_at": None if batch.canceled_s is None else _iso(batch.created_at),
        "results_url": results_url if ended else None,
    }


def _line(outcome: Outcome) -> dict[str, Any]:
    result: dict[str, Any] = {"type": outcome.kind}
    if outcome.kind == "succeeded":
        usage = {**outcome.body["usage"], "service_tier": "batch"}
        result["message"] = {**outcome.body, "usage": usage}
    elif outcome.kind == "errored":
        result["error"] = outcome.body
    return {"custom_id": outcome.item_id, "result": result}


def _iso(moment: datetime) -> str:
    return moment.isoformat()
