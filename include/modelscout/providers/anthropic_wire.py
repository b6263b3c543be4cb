"""The Messages API's bodies: from our request, to our result. Pure; imports no SDK."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelscout.core.secrets import ProviderCredential
from modelscout.providers import wire
from modelscout.providers.errors import malformed
from modelscout.providers.protocol import (
    FinishReason,
    GenerateRequest,
    GenerateResult,
    RateLimitState,
    ToolCall,
)

_EFFORT_MODELS = re.compile(
    r"^claude-(?:opus-4-[5-9]|sonnet-4-[6-9]|(?:haiku|sonnet|opus|fable|mythos)-(?:[5-9]|\d\d)(?!\d))"
)
_FINISH_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.REFUSAL,
}


def request_body(request: GenerateRequest) -> dict[str, Any]:
    """Arguments of `messages.create`."""
    content: list[dict[str, Any]] = [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": image.media_type, "data": wire.base64_text(image)},
        }
        for image in request.images
    ]
    content.append({"type": "text", "text": request.prompt})
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output_tokens,
        "messages": [{"role": "user", "content": content}],
    }
    if request.system:
        body["system"] = request.system
    output: dict[str, Any] = {}
    if request.json_schema is not None:
        output["format"] = {"type": "json_schema", "schema": wire.closed_schema(request.json_schema)}
    if request.reasoning_effort and _EFFORT_MODELS.match(request.model):
        output["effort"] = request.reasoning_effort.value
    if output:
        body["output_config"] = output
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
            for tool in request.tools
        ]
    return body


def parse_message(
    credential: ProviderCredential,
    request: GenerateRequest,
    body: Mapping[str, Any],
    *,
    request_id: str | None,
    duration_ms: float,
    time_to_first_token_ms: float | None = None,
    rate_limit: RateLimitState | None = None,
) -> GenerateResult:
    """Our result from a finished message. Raises MalformedAnswer."""
    stop_reason = body.get("stop_reason")
    if not stop_reason:
        raise malformed(credential, "the message has no stop reason", request_id=request_id)
    blocks = body["content"]
    usage = wire.read_usage(credential, "messages", body, request_id=request_id)
    calls = tuple(
        ToolCall(name=block["name"], arguments=block["input"])
        for block in blocks
        if block["type"] == "tool_use" and isinstance(block["input"], Mapping)
    )
    return GenerateResult(
        text="".join(block["text"] for block in blocks if block["type"] == "text"),
        finish_reason=_FINISH_REASONS.get(stop_reason, FinishReason.OTHER),
        usage=replace(usage, image_count=len(request.images)),
        requested_model=request.model,
        served_model=str(body.get("model") or request.model),
        request_id=request_id or body.get("id"),
        duration_ms=duration_ms,
        time_to_first_token_ms=time_to_first_token_ms,
        tool_calls=calls,
        rate_limit=rate_limit or RateLimitState(),
    )


class MessageBuilder:
    """Puts a message together from the events of a stream."""

    def __init__(self) -> None:
        """Starts with no message: `complete` is false until the last event."""
        self.message: dict[str, Any] = {"content": [], "usage": {}}
        self.complete = False
        self.has_output = False
        self._json: dict[int, list[str]] = {}

    def add(self, event: Mapping[str, Any]) -> str | None:
        """Take in one event; returns the text it adds, if any. Raises ValueError for cut tool arguments."""
        kind = event.get("type")
        if kind == "message_start":
            self.message = {**event["message"], "content": []}
        elif kind == "content_block_start":
            self.message["content"].append(dict(event["content_block"]))
        elif kind == "content_block_delta":
            return self._add_delta(event["index"], event["delta"])
        elif kind == "content_block_stop":
            self._close_block(event["index"])
        elif kind == "message_delta":
            self.message.update({k: v for k, v in event["delta"].items() if v is not None})
            known = {k: v for k, v in (event.get("usage") or {}).items() if v is not None}
            self.message["usage"] = {**self.message.get("usage", {}), **known}
        elif kind == "message_stop":
            self.complete = bool(self.message.get("stop_reason"))
        return None

    def _add_delta(self, index: int, delta: Mapping[str, Any]) -> str | None:
        kind = delta["type"]
        if kind == "text_delta":
            self.has_output = True
            self.message["content"][index]["text"] += delta["text"]
            return str(delta["text"])
        if kind == "input_json_delta":
            self.has_output = True
            self._json.setdefault(index, []).append(delta["partial_json"])
        return None

    def _close_block(self, index: int) -> None:
        text = "".join(self._json.pop(index, ()))
        if text:
            self.message["content"][index]["input"] = wire.loads(text)
