"""The bodies of generateContent: from our request, to our result. Pure; imports no SDK."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelscout.core.secrets import ProviderCredential
from modelscout.providers import wire
from modelscout.providers.errors import malformed
from modelscout.providers.protocol import FinishReason, GenerateRequest, GenerateResult, ToolCall

_THINKING_LEVEL_MODELS = re.compile(r"^(?:models/)?gemini-(?:[3-9]|\d\d)")
_REFUSALS = frozenset(
    {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "LANGUAGE"}
)


def generation_config(request: GenerateRequest) -> dict[str, Any]:
    """Arguments of GenerateContentConfig."""
    config: dict[str, Any] = {"max_output_tokens": request.max_output_tokens}
    if request.system:
        config["system_instruction"] = request.system
    if request.json_schema is not None:
        config["response_mime_type"] = "application/json"
        config["response_json_schema"] = dict(request.json_schema)
    if request.tools:
        declarations = [
            {
                "name": tool.name,
                "description": tool.description,
                "parameters_json_schema": dict(tool.parameters),
            }
            for tool in request.tools
        ]
        config["tools"] = [{"function_declarations": declarations}]
        config["automatic_function_calling"] = {"disable": True}
    if request.reasoning_effort and _THINKING_LEVEL_MODELS.match(request.model):
        config["thinking_config"] = {"thinking_level": request.reasoning_effort.value.upper()}
    return config


def parse_answer(
    credential: ProviderCredential,
    request: GenerateRequest,
    body: Mapping[str, Any],
    *,
    duration_ms: float,
    time_to_first_token_ms: float | None = None,
) -> GenerateResult:
    """Our result from a finished answer. Raises MalformedAnswer."""
    response_id = body.get("responseId")
    candidate = (body.get("candidates") or [{}])[0]
    reason = candidate.get("finishReason")
    blocked = (body.get("promptFeedback") or {}).get("blockReason")
    if not reason and not blocked:
        raise malformed(credential, "the answer has no finish reason", request_id=response_id)
    parts = (candidate.get("content") or {}).get("parts") or []
    calls = tuple(
        ToolCall(name=part["functionCall"]["name"], arguments=part["functionCall"].get("args") or {})
        for part in parts
        if "functionCall" in part
    )
    usage = wire.read_usage(credential, "generate_content", body, request_id=response_id)
    return GenerateResult(
        text="".join(part["text"] for part in parts if "text" in part and not part.get("thought")),
        finish_reason=_finish_reason(reason, has_calls=bool(calls)),
        usage=replace(usage, image_count=len(request.images)),
        requested_model=request.model,
        served_model=str(body.get("modelVersion") or request.model),
        request_id=response_id,
        duration_ms=duration_ms,
        time_to_first_token_ms=time_to_first_token_ms,
        tool_calls=calls,
    )


def _finish_reason(reason: str | None, *, has_calls: bool) -> FinishReason:
    if reason is None or reason in _REFUSALS:
        return FinishReason.REFUSAL
    if reason == "MAX_TOKENS":
        return FinishReason.LENGTH
    if reason == "STOP":
        return FinishReason.TOOL_CALLS if has_calls else FinishReason.STOP
    return FinishReason.OTHER


class AnswerBuilder:
    """Puts one answer together from the chunks of a stream."""

    def __init__(self) -> None:
        """Starts empty; an answer without finish reason is refused by `parse_answer`."""
        self.body: dict[str, Any] = {}
        self.has_output = False
        self._parts: list[Mapping[str, Any]] = []

    def add(self, chunk: Mapping[str, Any]) -> str:
        """Take in one chunk; returns the text it adds."""
        # Usage counts are running totals: the last chunk's hold.
        self.body.update({key: value for key, value in chunk.items() if key != "candidates"})
        candidate = (chunk.get("candidates") or [None])[0]
        if candidate is None:
            return ""
        new_parts = (candidate.get("content") or {}).get("parts") or []
        self._parts.extend(new_parts)
        known = (self.body.get("candidates") or [{}])[0]
        self.body["candidates"] = [{**known, **candidate, "content": {"parts": self._parts}}]
        text = "".join(part["text"] for part in new_parts if "text" in part and not part.get("thought"))
        self.has_output = self.has_output or bool(text) or any("functionCall" in part for part in new_parts)
        return text
