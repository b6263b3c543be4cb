"""OpenAI's batches in the emulator: files of requests and results, and `/v1/batches` over them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelscout.emulator.batches import Batch, BatchStore, Entry, Outcome, json_lines, serve_batches
from modelscout.emulator.engine import Refusal
from modelscout.emulator.openai import PROVIDER, RESPONSES
from modelscout.emulator.serving import bearer, read_json
from modelscout.emulator.state import KeyState, new_id

ENDPOINT = "/v1/responses"
_UNANSWERED = {"expired": "batch_expired", "canceled": "batch_cancelled"}


@dataclass(frozen=True, slots=True)
class _File:
    organization: str
    name: str
    data: bytes


def routes(store: BatchStore) -> list[Route]:
    """The endpoints under `/openai/v1/files` and `/openai/v1/batches`."""
    api = _Api(store)
    return [
        Route("/openai/v1/files", api.upload, methods=["POST"]),
        Route("/openai/v1/files/{file}", api.delete_file, methods=["DELETE"]),
        Route("/openai/v1/files/{file}/content", api.content, methods=["GET"]),
        Route("/openai/v1/batches", api.create, methods=["POST"]),
        Route("/openai/v1/batches", api.listed, methods=["GET"]),
        Route("/openai/v1/batches/{batch}", api.retrieve, methods=["GET"]),
        Route("/openai/v1/batches/{batch}/cancel", api.cancel, methods=["POST"]),
    ]


class _Api:
    def __init__(self, store: BatchStore) -> None:
        self._store = store
        self._files: dict[str, _File] = {}
        self._deleted: set[tuple[str, str]] = set()
        """Organization and file."""

    async def upload(self, request: Request) -> Response:
        """A file with purpose `batch`."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            async with request.form() as form:
                file = form.get("file")
                if not isinstance(file, UploadFile) or form.get("purpose") != "batch":
                    raise Refusal(400, "give file and purpose=batch", param="file", key_state=state)
                found = _File(state.profile.organization, file.filename or "batch.jsonl", await file.read())
            file_id = new_id("file-")
            self._files[file_id] = found
            return {
                "id": file_id,
                "object": "file",
                "bytes": len(found.data),
                "created_at": _epoch(self._store.emulator.profile.current_time()),
                "filename": found.name,
                "purpose": "batch",
                "status": "processed",
            }

        return await serve_batches(self._store, RESPONSES, bearer(request), act)

    async def delete_file(self, request: Request) -> Response:
        """Forget a file."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            file_id = request.path_params["file"]
            self._deleted.add((state.profile.organization, file_id))
            return {"id": file_id, "object": "file", "deleted": True}

        return await serve_batches(self._store, RESPONSES, bearer(request), act)

    async def content(self, request: Request) -> Response:
        """What a file of requests, answers or errors holds."""

        async def act(state: KeyState) -> Response:
            file_id = request.path_params["file"]
            if (state.profile.organization, file_id) in self._deleted:
                raise Refusal(404, f"No such File object: {file_id}", key_state=state)
            for batch in self._store.listed(PROVIDER, state):
                for kinds, key in _RESULT_FILES:
                    if file_id == batch.details.get(key):
                        found = [o for o in batch.outcomes or () if o.kind in kinds]
                        return json_lines([_line(outcome) for outcome in found])
            return Response(self._file(file_id, state).data, media_type="application/x-jsonl")

        return await serve_batches(self._store, RESPONSES, bearer(request), act)

    async def create(self, request: Request) -> Response:
        """A batch of an uploaded file; what is wrong with the file shows later, in its status."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            body = await read_json(request)
            if body.get("endpoint") != ENDPOINT or body.get("completion_window") != "24h":
                raise Refusal(400, f"endpoint must be {ENDPOINT}, completion_window 24h", key_state=state)
            file = self._file(str(body.get("input_file_id")), state)
            entries, problem = _entries(file.data)
            if problem is None and len(entries) > (most := self._store.emulator.profile.batch_items):
                problem = ("request_limit_exceeded", f"a batch may have {most} requests, not {len(entries)}")
            batch = self._store.add(
                RESPONSES,
                bearer(request),
                state,
                [] if problem else entries,
                batch_id=new_id("batch_"),
            )
            batch.details |= {"input_file_id": body["input_file_id"], "metadata": body.get("metadata")}
            if problem:
                batch.outcomes = []
                batch.details["problem"] = problem
            return _shown(batch)

        return await serve_batches(self._store, RESPONSES, bearer(request), act, hands_in=True)

    async def listed(self, request: Request) -> Response:
        """Newest first, in pages."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            batches = self._store.listed(PROVIDER, state)
            limit, after = int(request.query_params.get("limit", "20")), request.query_params.get("after")
            start = next((n + 1 for n, batch in enumerate(batches) if batch.batch_id == after), 0)
            data = [_shown(batch) for batch in batches[start : start + limit]]
            return {
                "object": "list",
                "data": data,
                "first_id": data[0]["id"] if data else None,
                "last_id": data[-1]["id"] if data else None,
                "has_more": start + limit < len(batches),
            }

        return await serve_batches(self._store, RESPONSES, bearer(request), act)

    async def retrieve(self, request: Request) -> Response:
        """How far a batch is."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            return _shown(self._store.get(PROVIDER, state, request.path_params["batch"]))

        return await serve_batches(self._store, RESPONSES, bearer(request), act)

    async def cancel(self, request: Request) -> Response:
        """Stop a batch; what is answered stays."""

        async def act(state: KeyState) -> Mapping[str, Any]:
            return _shown(self._store.cancel(self._store.get(PROVIDER, state, request.path_params["batch"])))

        return await serve_batches(self._store, RESPONSES, bearer(request), act)

    def _file(self, file_id: str, state: KeyState) -> _File:
        found = self._files.get(file_id)
        deleted = (state.profile.organization, file_id) in self._deleted
        if found is None or deleted or found.organization != state.profile.organization:
            raise Refusal(404, f"No such File object: {file_id}", key_state=state)
        return found


_RESULT_FILES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("succeeded",), "output_file_id"),
    (("errored", "expired", "canceled"), "error_file_id"),
)


def _entries(data: bytes) -> tuple[list[Entry], tuple[str, str] | None]:
    """The requests of a file, or code and message of what is wrong with it."""
    try:
        lines = [json.loads(line) for line in data.split(b"\n") if line.strip()]
        entries = [Entry(str(line["custom_id"]), line["body"]) for line in lines]
        models = {entry.body["model"] for entry in entries}
    except (KeyError, TypeError, ValueError):
        return [], ("invalid_json_line", "This line is not parseable as valid JSON.")
    if len({entry.item_id for entry in entries}) < len(entries):
        return [], ("duplicate_custom_id", "The custom_id is used by another request of this file.")
    if len(models) != 1:
        return [], ("mismatched_model", "All requests of a batch must be for the same model.")
    return entries, None


def _shown(batch: Batch) -> dict[str, Any]:
    ended = batch.outcomes is not None
    if ended:
        for kinds, key in _RESULT_FILES:
            if batch.count(*kinds):  # type: ignore[arg-type]
                batch.details.setdefault(key, new_id("file-"))
    problem = batch.details.get("problem")
    status = "failed" if problem else _status(batch)
    finished_at = None if batch.ended_at is None else _epoch(batch.ended_at)
    return {
        "id": batch.batch_id,
        "object": "batch",
        "endpoint": ENDPOINT,
        "errors": {"object": "list", "data": [{"code": problem[0], "message": problem[1]}]}
        if problem
        else None,
        "input_file_id": batch.details["input_file_id"],
        "completion_window": "24h",
        "status": status,
        "output_file_id": batch.details.get("output_file_id"),
        "error_file_id": batch.details.get("error_file_id"),
        "created_at": _epoch(batch.created_at),
        "expires_at": _epoch(batch.expires_at),
        f"{status}_at": finished_at if ended else _epoch(batch.created_at),
        "request_counts": {
            "total": len(batch.entries),
            "completed": batch.count("succeeded"),
            "failed": batch.count("errored", "expired", "canceled"),
        },
        "metadata": batch.details.get("metadata"),
    }


def _status(batch: Batch) -> str:
    if batch.outcomes is None:
        return "in_progress"
    if batch.canceled_s is not None:
        return "cancelled"
    return "expired" if batch.count("expired") else "completed"


def _line(outcome: Outcome) -> dict[str, Any]:
    if outcome.kind in _UNANSWERED:
        error = {"code": _UNANSWERED[outcome.kind], "message": "This request could not be executed."}
        return {"id": new_id("batch_req_"), "custom_id": outcome.item_id, "response": None, "error": error}
    status = 200 if outcome.refusal is None else outcome.refusal.status
    response = {"status_code": status, "request_id": new_id("req_"), "body": outcome.body}
    return {"id": new_id("batch_req_"), "custom_id": outcome.item_id, "response": response, "error": None}


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
