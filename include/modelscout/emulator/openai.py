"""OpenAI's side of the emulator: Responses, Chat Completions and the list of models."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelscout.emulator import chat
from modelscout.emulator.engine import Ask, Emulator, Refusal, Reply
from modelscout.emulator.listing import Entry, serve_models
from modelscout.emulator.openai_errors import error_body, limit_headers
from modelscout.emulator.profile import ModelProfile
from modelscout.emulator.serving import (
    Dialect,
    StreamPlan,
    bearer,
    image_bytes,
    pieces_of,
    serve,
    sse,
)
from modelscout.emulator.state import new_id

PROVIDER = "openai"


def routes(emulator: Emulator) -> list[Route]:
    """The endpoints under `/openai/v1`."""

    async def responses(request: Request) -> Response:
        return await serve(emulator, RESPONSES, request, bearer(request))

    async def completions(request: Request) -> Response:
        return await serve(emulator, CHAT, request, bearer(request))

    async def models(request: Request) -> Response:
        return await serve_models(emulator, RESPONSES, bearer(request), _list)

    async def model(request: Request) -> Response:
        name = request.path_params["model"]
        return await serve_models(emulator, RESPONSES, bearer(request), _one, model=name)

    return [
        Route("/openai/v1/responses", responses, methods=["POST"]),
        Route("/openai/v1/chat/completions", completions, methods=["POST"]),
        Route("/openai/v1/models", models, methods=["GET"]),
        Route("/openai/v1/models/{model}", model, methods=["GET"]),
    ]


def compatible_routes(emulator: Emulator) -> list[Route]:
    """The endpoints under `/compatible/v1`: what self-hosted servers and gateways have of OpenAI's."""

    async def completions(request: Request) -> Response:
        return await serve(emulator, COMPATIBLE, request, bearer(request))

    async def models(request: Request) -> Response:
        return await serve_models(emulator, COMPATIBLE, bearer(request), _list)

    return [
        Route("/compatible/v1/chat/completions", completions, methods=["POST"]),
        Route("/compatible/v1/models", models, methods=["GET"]),
    ]


def _list(entries: list[Entry]) -> dict[str, Any]:
    return {"object": "list", "data": [_listed(*entry[:2]) for entry in entries]}


def _one(entries: list[Entry]) -> dict[str, Any]:
    return _listed(*entries[0][:2])


def _listed(model_id: str, model: ModelProfile) -> dict[str, Any]:
    return {
        "id": model_id,
        "object": "model",
        "created": int(model.created_at.timestamp()) if model.created_at else 0,
        "owned_by": "system",
        "shutdown_date": model.retires_at.isoformat() if model.retires_at else None,
    }


def read(body: Mapping[str, Any]) -> Ask:
    """A question from the body of `POST /responses`."""
    if not isinstance(body.get("model"), str):
        raise Refusal(400, "you must provide a model parameter", param="model")
    given = body.get("input")
    turns = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(turns, list) or not turns:
        raise Refusal(
            400, "Missing required parameter: 'input'.", param="input", code="missing_required_parameter"
        )
    texts: list[str] = [str(body["instructions"])] if body.get("instructions") else []
    prompt, images = _last_user_turn(turns, texts)
    form = (body.get("text") or {}).get("format") or {}
    return Ask(
        provider=PROVIDER,
        model=body["model"],
        prompt=prompt,
        context="\n".join(texts),
        images=images,
        json_schema=form.get("schema") if form.get("type") == "json_schema" else None,
        tools=tuple(
            (tool["name"], tool.get("parameters") or {})
            for tool in body.get("tools") or ()
            if tool.get("type") == "function"
        ),
        stream=bool(body.get("stream")),
        max_tokens=body.get("max_output_tokens"),
        effort=(body.get("reasoning") or {}).get("effort"),
    )


def _last_user_turn(turns: list[Any], texts: list[str]) -> tuple[str, tuple[bytes, ...]]:
    """Prompt and images of the last user turn; the text of all others goes to `texts`."""
    last = max((n for n, turn in enumerate(turns) if turn.get("role") == "user"), default=len(turns) - 1)
    prompt: list[str] = []
    images: list[bytes] = []
    for number, turn in enumerate(turns):
        content = turn.get("content") or []
        parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
        for part in parts:
            if part.get("type") == "input_image" and number == last:
                images.append(image_bytes(part.get("image_url")))
            elif isinstance(part.get("text"), str):
                (prompt if number == last else texts).append(part["text"])
    return "\n".join(prompt), tuple(images)


def write(ask: Ask, reply: Reply, _request_id: str) -> dict[str, Any]:
    """A finished response."""
    return _response(reply, _output(reply), "incomplete" if reply.finish == "length" else "completed", ask)


def _response(reply: Reply, output: list[dict[str, Any]], status: str, ask: Ask) -> dict[str, Any]:
    form: dict[str, Any] = {"type": "text"}
    if ask.json_schema is not None:
        form = {"type": "json_schema", "name": "answer", "schema": ask.json_schema, "strict": True}
    done = status != "in_progress"
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "background": False,
        "completed_at": int(time.time()) if status == "completed" else None,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "max_output_tokens": ask.max_tokens,
        "model": reply.served_model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": ask.effort, "summary": None},
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": form, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [
            {"type": "function", "name": name, "description": None, "parameters": schema, "strict": True}
            for name, schema in ask.tools
        ],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(reply) if done else None,
        "metadata": {},
    }


def _output(reply: Reply) -> list[dict[str, Any]]:
    output: list[dict[str, Any]] = []
    if reply.reasoning_tokens:
        output.append({"id": new_id("rs_"), "type": "reasoning", "summary": []})
    output.append(_function_call(reply) if reply.tool_call else _message(reply.text))
    return output


def _message(text: str) -> dict[str, Any]:
    return {
        "id": new_id("msg_"),
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": text}],
    }


def _function_call(reply: Reply) -> dict[str, Any]:
    name, arguments = reply.tool_call or ("", {})
    return {
        "id": new_id("fc_"),
        "type": "function_call",
        "status": "completed",
        "arguments": json.dumps(arguments),
        "call_id": new_id("call_"),
        "name": name,
    }


def _usage(reply: Reply) -> dict[str, Any]:
    return {
        "input_tokens": reply.input_tokens,
        # The Responses API does not tell image tokens apart; Chat Completions does.
        "input_tokens_details": {"cached_tokens": reply.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": reply.output_tokens,
        "output_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }


def stream(ask: Ask, reply: Reply, request_id: str) -> StreamPlan:
    """The events of a streamed response."""
    final = write(ask, reply, request_id)
    item = final["output"][-1]
    opened = {**final, "status": "in_progress", "output": [], "completed_at": None}
    del opened["usage"]
    events = _Events()
    index = {"output_index": len(final["output"]) - 1}
    begin = [
        events.frame("response.created", response=opened),
        events.frame("response.in_progress", response=opened),
    ]
    parts = _call_frames if item["type"] == "function_call" else _text_frames
    head, pieces, tail = parts(events, item, index)
    end = [
        events.frame("response.output_item.done", item=item, **index),
        events.frame(f"response.{final['status']}", response=final),
    ]
    return StreamPlan([*begin, *head], pieces, [*tail, *end])


_Frames = tuple[list[bytes], list[bytes], list[bytes]]


def _text_frames(events: _Events, item: dict[str, Any], index: dict[str, int]) -> _Frames:
    part = item["content"][0]
    place = {"item_id": item["id"], "content_index": 0, **index}
    shell = {**item, "content": [], "status": "in_progress"}
    head = [
        events.frame("response.output_item.added", item=shell, **index),
        events.frame("response.content_part.added", part={**part, "text": ""}, **place),
    ]
    pieces = [
        events.frame("response.output_text.delta", delta=piece, logprobs=[], **place)
        for piece in pieces_of(part["text"])
    ]
    tail = [
        events.frame("response.output_text.done", text=part["text"], logprobs=[], **place),
        events.frame("response.content_part.done", part=part, **place),
    ]
    return head, pieces, tail


def _call_frames(events: _Events, item: dict[str, Any], index: dict[str, int]) -> _Frames:
    place = {"item_id": item["id"], **index}
    shell = {**item, "arguments": "", "status": "in_progress"}
    kind = "response.function_call_arguments"
    head = [events.frame("response.output_item.added", item=shell, **index)]
    pieces = [events.frame(f"{kind}.delta", delta=piece, **place) for piece in pieces_of(item["arguments"])]
    tail = [events.frame(f"{kind}.done", arguments=item["arguments"], name=item["name"], **place)]
    return head, pieces, tail


class _Events:
    """Numbers the events of one stream."""

    def __init__(self) -> None:
        self._number = -1

    def frame(self, kind: str, **fields: Any) -> bytes:
        self._number += 1
        return sse({"type": kind, "sequence_number": self._number, **fields}, kind)


def _error_frame(refusal: Refusal, _request_id: str) -> bytes:
    error = error_body(refusal, "")["error"]
    data = {"type": "error", "sequence_number": 3, **{k: error[k] for k in ("code", "message", "param")}}
    return sse({**data, "code": error["code"] or error["type"]}, "error")


RESPONSES = Dialect(PROVIDER, "req_", read, write, stream, error_body, _error_frame, limit_headers)
CHAT = chat.dialect(PROVIDER)
COMPATIBLE = chat.dialect("openai_compatible")
