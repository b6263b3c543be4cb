"""Chat Completions, as OpenAI serves them and Clarifai copies them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from modelscout.emulator.engine import Ask, Refusal, Reply
from modelscout.emulator.openai_errors import error_body, limit_headers
from modelscout.emulator.serving import Dialect, StreamPlan, image_bytes, pieces_of, sse
from modelscout.emulator.state import new_id

_FINISH = {"stop": "stop", "length": "length", "tool": "tool_calls"}


def dialect(provider: str) -> Dialect:
    """The chat API of a provider."""

    def read(body: Mapping[str, Any]) -> Ask:
        return _read(provider, body)

    return Dialect(provider, "req_", read, write, stream, error_body, _error_frame, limit_headers)


def _read(provider: str, body: Mapping[str, Any]) -> Ask:
    messages = body.get("messages")
    if not isinstance(body.get("model"), str) or not isinstance(messages, list) or not messages:
        raise Refusal(400, "you must provide a model and messages", param="messages")
    last = max((n for n, m in enumerate(messages) if m.get("role") == "user"), default=len(messages) - 1)
    prompt: list[str] = []
    context: list[str] = []
    images: list[bytes] = []
    for number, message in enumerate(messages):
        content = message.get("content") or []
        parts: list[dict[str, Any]] = [{"text": content}] if isinstance(content, str) else content
        for part in parts:
            if part.get("type") == "image_url" and number == last:
                images.append(image_bytes((part.get("image_url") or {}).get("url")))
            elif isinstance(part.get("text"), str):
                (prompt if number == last else context).append(part["text"])
    form = body.get("response_format") or {}
    return Ask(
        provider=provider,
        model=body["model"],
        prompt="\n".join(prompt),
        context="\n".join(context),
        images=tuple(images),
        json_schema=(form.get("json_schema") or {}).get("schema")
        or ({} if form.get("type") == "json_object" else None),
        tools=tuple(
            (tool["function"]["name"], tool["function"].get("parameters") or {})
            for tool in body.get("tools") or ()
        ),
        stream=bool(body.get("stream")),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        effort=body.get("reasoning_effort"),
    )


def write(_ask: Ask, reply: Reply, _request_id: str) -> dict[str, Any]:
    """A finished completion."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": None, "annotations": []}
    if reply.tool_call:
        message["content"] = None
        message["tool_calls"] = [_tool_call(reply)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[reply.finish]}
    return {**_envelope(reply, "chat.completion"), "choices": [choice], "usage": usage(reply)}


def _envelope(reply: Reply, kind: str) -> dict[str, Any]:
    return {
        "id": new_id("chatcmpl-"),
        "object": kind,
        "created": int(time.time()),
        "model": reply.served_model,
        "service_tier": "default",
    }


def _tool_call(reply: Reply) -> dict[str, Any]:
    name, arguments = reply.tool_call or ("", {})
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": new_id("call_"), "type": "function", "function": function}


def usage(reply: Reply) -> dict[str, Any]:
    """The usage object of a completion."""
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": reply.cached_tokens,
            "cache_write_tokens": 0,
            "image_tokens": reply.image_tokens,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": reply.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def stream(_ask: Ask, reply: Reply, _request_id: str) -> StreamPlan:
    """The chunks of a streamed completion; the last holds the usage."""
    base = _envelope(reply, "chat.completion.chunk")

    def chunk(delta: Mapping[str, Any], reason: str | None = None) -> bytes:
        return sse({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    if reply.tool_call:
        pieces = [chunk({"tool_calls": [{"index": 0, **_tool_call(reply)}]})]
    else:
        pieces = [chunk({"content": piece}) for piece in pieces_of(reply.text)]
    tail = [
        chunk({}, _FINISH[reply.finish]),
        sse({**base, "choices": [], "usage": usage(reply)}),
        b"data: [DONE]\n\n",
    ]
    return StreamPlan([chunk({"role": "assistant", "content": ""})], pieces, tail)


def _error_frame(refusal: Refusal, request_id: str) -> bytes:
    return sse(error_body(refusal, request_id))
