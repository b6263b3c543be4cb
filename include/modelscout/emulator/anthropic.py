"""Anthropic's side of the emulator: Messages and the list of models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelscout.core.types import Capability
from modelscout.emulator.engine import Ask, Emulator, Refusal, Reply
from modelscout.emulator.listing import Entry, serve_models
from modelscout.emulator.profile import LIFECYCLES, ModelProfile
from modelscout.emulator.serving import (
    Dialect,
    StreamPlan,
    bearer,
    image_bytes,
    pieces_of,
    serve,
    sse,
)
from modelscout.emulator.state import Bucket, KeyState, new_id

PROVIDER = "anthropic"
_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"}
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_DEFAULT_LIFECYCLES = ("active", "deprecated")


def routes(emulator: Emulator) -> list[Route]:
    """The endpoints under `/anthropic/v1`."""

    async def messages(request: Request) -> Response:
        return await serve(emulator, MESSAGES, request, request_key(request))

    async def models(request: Request) -> Response:
        def page(entries: list[Entry]) -> dict[str, Any]:
            return page_of(request, [_listed(*entry) for entry in entries])

        return await serve_models(emulator, MESSAGES, request_key(request), page, lifecycles=_wanted(request))

    async def model(request: Request) -> Response:
        name, every = request.path_params["model"], frozenset(LIFECYCLES)
        return await serve_models(
            emulator, MESSAGES, request_key(request), _one, model=name, lifecycles=every
        )

    return [
        Route("/anthropic/v1/messages", messages, methods=["POST"]),
        Route("/anthropic/v1/models", models, methods=["GET"]),
        Route("/anthropic/v1/models/{model}", model, methods=["GET"]),
    ]


def request_key(request: Request) -> str:
    """The API key that a request came with."""
    return bearer(request) or request.headers.get("x-api-key", "")


def _wanted(request: Request) -> frozenset[str]:
    query = request.query_params
    given = query.getlist("lifecycle") + query.getlist("lifecycle[]")
    names = {name for text in given for name in text.split(",")}
    return frozenset(names & set(LIFECYCLES)) or frozenset(_DEFAULT_LIFECYCLES)


def page_of(request: Request, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The page that a request for a list asks for."""
    text = request.query_params.get("limit", "20")
    limit = min(1000, max(1, int(text) if text.isdigit() else 20))
    after = request.query_params.get("after_id")
    start = next((n + 1 for n, entry in enumerate(entries) if entry["id"] == after), 0)
    data = entries[start : start + limit]
    return {
        "data": data,
        "has_more": start + limit < len(entries),
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def _one(entries: list[Entry]) -> dict[str, Any]:
    return _listed(*entries[0])


def _listed(model_id: str, model: ModelProfile, lifecycle: str) -> dict[str, Any]:
    def supported(capability: Capability) -> dict[str, Any]:
        return {"supported": model.claims(capability)}

    thinking = model.claims(Capability.COMPLEX_REASONING)
    return {
        "type": "model",
        "id": model_id,
        "display_name": model.display_name or model_id,
        "created_at": _iso(model.created_at or datetime.fromtimestamp(0, UTC)),
        "lifecycle": lifecycle,
        "deprecated_at": _day(model.deprecated_at) if lifecycle != "active" else None,
        "retires_at": _day(model.retires_at),
        "line": next((n for n in ("haiku", "sonnet", "opus", "fable", "mythos") if n in model_id), None),
        "max_input_tokens": model.context_window_tokens,
        "max_tokens": model.max_output_tokens,
        "capabilities": {
            "batch": {"supported": True},
            "citations": supported(Capability.TEXT_GENERATION),
            "code_execution": supported(Capability.TOOL_USE),
            "context_management": {"supported": True},
            "effort": {
                "supported": thinking,
                **{level: {"supported": thinking} for level in ("low", "medium", "high", "xhigh", "max")},
            },
            "image_input": supported(Capability.IMAGE_ANALYSIS),
            "pdf_input": supported(Capability.IMAGE_ANALYSIS),
            "server_tools": supported(Capability.TOOL_USE),
            "structured_outputs": supported(Capability.STRUCTURED_OUTPUT),
            "thinking": {
                "supported": thinking,
                "types": {"adaptive": {"supported": thinking}, "enabled": {"supported": False}},
            },
        },
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(day: date | None) -> str | None:
    return f"{day.isoformat()}T00:00:00Z" if day else None


def read(body: Mapping[str, Any]) -> Ask:
    """A question from the body of `POST /messages`."""
    for name in ("model", "max_tokens", "messages"):
        if not body.get(name):
            raise Refusal(400, f"{name}: Field required", param=name)
    messages = body["messages"]
    context = [block["text"] for block in _blocks(body.get("system")) if "text" in block]
    last = max((n for n, m in enumerate(messages) if m.get("role") == "user"), default=len(messages) - 1)
    prompt: list[str] = []
    images: list[bytes] = []
    for number, message in enumerate(messages):
        for block in _blocks(message.get("content")):
            if block.get("type") == "image" and number == last:
                source = block.get("source") or {}
                images.append(image_bytes(source.get("data") or source.get("url")))
            elif isinstance(block.get("text"), str):
                (prompt if number == last else context).append(block["text"])
    output = body.get("output_config") or {}
    return Ask(
        provider=PROVIDER,
        model=body["model"],
        prompt="\n".join(prompt),
        context="\n".join(context),
        images=tuple(images),
        json_schema=(output.get("format") or {}).get("schema"),
        tools=tuple((t["name"], t["input_schema"]) for t in body.get("tools") or () if "input_schema" in t),
        stream=bool(body.get("stream")),
        max_tokens=body["max_tokens"],
        effort=output.get("effort"),
        # Anthropic caches only what a request marks.
        cacheable=_marks_cache(body),
    )


def _blocks(content: object) -> list[Mapping[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def _marks_cache(body: Mapping[str, Any]) -> bool:
    if body.get("cache_control"):
        return True
    blocks = [*_blocks(body.get("system"))]
    for message in body["messages"]:
        blocks += _blocks(message.get("content"))
    return any(block.get("cache_control") for block in blocks)


def write(ask: Ask, reply: Reply, _request_id: str) -> dict[str, Any]:
    """A finished message."""
    content: list[dict[str, Any]] = [{"type": "text", "text": reply.text, "citations": None}]
    if reply.tool_call:
        name, arguments = reply.tool_call
        content = [{"type": "tool_use", "id": new_id("toolu_"), "name": name, "input": arguments}]
    elif not reply.text:
        content = []
    return {
        "id": new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": reply.served_model,
        "content": content,
        "stop_reason": _FINISH[reply.finish],
        "stop_sequence": None,
        "usage": _usage(ask, reply),
    }


def _usage(ask: Ask, reply: Reply) -> dict[str, Any]:
    whole = (len(ask.prompt) + len(ask.context)) // 4
    written = max(0, whole - reply.cached_tokens) if ask.cacheable and whole >= 1024 else 0
    return {
        "input_tokens": reply.input_tokens - reply.cached_tokens - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": reply.cached_tokens,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": reply.output_tokens,
        "output_tokens_details": {"thinking_tokens": reply.reasoning_tokens},
        "server_tool_use": None,
        "service_tier": "standard",
        "inference_geo": "not_available",
    }


def stream(ask: Ask, reply: Reply, request_id: str) -> StreamPlan:
    """The events of a streamed message."""
    final = write(ask, reply, request_id)
    usage = final["usage"]
    opened = {**final, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    start: dict[str, Any] = {"type": "text", "text": "", "citations": None}
    if reply.tool_call:
        start = {**final["content"][0], "input": {}}
        texts = pieces_of(json.dumps(reply.tool_call[1]))
        deltas = [{"type": "input_json_delta", "partial_json": text} for text in texts]
    else:
        deltas = [{"type": "text_delta", "text": text} for text in pieces_of(reply.text)]
    head = [
        _frame("message_start", message=opened),
        _frame("content_block_start", index=0, content_block=start),
        _frame("ping"),
    ]
    end = {"stop_reason": final["stop_reason"], "stop_sequence": None}
    tail = [
        _frame("content_block_stop", index=0),
        _frame("message_delta", delta=end, usage=usage),
        _frame("message_stop"),
    ]
    return StreamPlan(head, [_frame("content_block_delta", index=0, delta=d) for d in deltas], tail)


def _frame(kind: str, **fields: Any) -> bytes:
    return sse({"type": kind, **fields}, kind)


def error_body(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """The body of an error."""
    kind = _TYPES.get(refusal.status, "api_error" if refusal.status >= 500 else "invalid_request_error")
    message = {
        401: "invalid x-api-key",
        404: f"model: {refusal.message}",
        429: "This request would exceed your account's rate limit. Please try again later.",
        529: "Overloaded",
    }.get(refusal.status, refusal.message)
    details = {"error_code": refusal.code} if refusal.code and refusal.status != 400 else None
    error = {"type": kind, "message": message, **({"details": details} if details else {})}
    return {"type": "error", "error": error, "request_id": request_id}


def _error_frame(refusal: Refusal, request_id: str) -> bytes:
    return sse(error_body(refusal, request_id), "error")


def _headers(state: KeyState | None, request_id: str) -> dict[str, str]:
    headers = {"request-id": request_id}
    if state is not None:
        _add(headers, "requests", state.requests)
        _add(headers, "tokens", state.tokens)
        _add(headers, "input-tokens", state.tokens)
    return headers


def _add(headers: dict[str, str], name: str, bucket: Bucket | None) -> None:
    if bucket is not None:
        headers[f"anthropic-ratelimit-{name}-limit"] = str(bucket.limit)
        headers[f"anthropic-ratelimit-{name}-remaining"] = str(bucket.remaining)
        reset = datetime.now(UTC) + timedelta(seconds=bucket.reset_s)
        headers[f"anthropic-ratelimit-{name}-reset"] = _iso(reset)


MESSAGES = Dialect(
    PROVIDER, "req_", read, write, stream, error_body, _error_frame, _headers, fault_status=529
)
