"""The bodies of OpenAI-compatible chat endpoints: from our request, to our result. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modelscout.core.secrets import ProviderCredential
from modelscout.providers import wire
from modelscout.providers.adapter import Answer, RawAnswer
from modelscout.providers.errors import malformed
from modelscout.providers.protocol import FinishReason, GenerateRequest, ToolCall

_EFFORT_MODELS = re.compile(r"gpt-oss|gpt-[5-9]|(?:^|/)o\d")
"""Whose copies of the endpoint take `reasoning_effort`; others may refuse a field that they do not know."""
_FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.REFUSAL,
}


def chat_body(
    request: GenerateRequest, *, stream: bool = False, limit: str = "max_completion_tokens"
) -> dict[str, Any]:
    """Body of the chat endpoint; `limit` is its name for the most output tokens."""
    content: list[dict[str, Any]] = [{"type": "text", "text": request.prompt}]
    content += [{"type": "image_url", "image_url": {"url": wire.data_url(image)}} for image in request.images]
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
    if request.system:
        messages.insert(0, {"role": "system", "content": request.system})
    body: dict[str, Any] = {
        "model": request.model,
        "messages": messages,
        limit: request.max_output_tokens,
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.json_schema is not None:
        schema, strict = wire.strict_if_possible(request.json_schema)
        form = {"name": "answer", "schema": schema, "strict": strict}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    if request.reasoning_effort and _EFFORT_MODELS.search(request.model):
        body["reasoning_effort"] = request.reasoning_effort.value
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.parameters),
                },
            }
            for tool in request.tools
        ]
    return body


def parse_chat(credential: ProviderCredential, raw: RawAnswer) -> Answer:
    """What a chat completion says. Raises MalformedAnswer."""
    body = raw.body
    request_id = raw.request_id or body.get("id")
    choice = body["choices"][0]
    reason = choice.get("finish_reason")
    if not reason:
        raise malformed(credential, "the answer has no finish reason", request_id=request_id)
    message = choice["message"]
    refusal = message.get("refusal")
    calls = tuple(
        _tool_call(credential, call["function"], request_id)
        for call in message.get("tool_calls") or []
        # Where the tokens ended, the arguments are cut.
        if reason != "length"
    )
    return Answer(
        text=message.get("content") or refusal or "",
        finish_reason=FinishReason.REFUSAL if refusal else _FINISH_REASONS.get(reason, FinishReason.OTHER),
        usage=wire.read_usage(credential, "chat", body, request_id=request_id),
        served_model=body.get("model"),
        request_id=request_id,
        tool_calls=calls,
    )


def _tool_call(
    credential: ProviderCredential, function: Mapping[str, Any], request_id: str | None
) -> ToolCall:
    arguments = wire.json_object(credential, function["arguments"] or "{}", request_id=request_id)
    return ToolCall(name=function["name"], arguments=arguments)


class ChatReader:
    """Puts a completion together from the chunks of a stream."""

    def __init__(self) -> None:
        """Starts empty."""
        self._message: dict[str, Any] = {}
        self._calls: dict[int, dict[str, str]] = {}
        self._choice: dict[str, Any] = {"message": self._message}
        self.body: dict[str, Any] = {"choices": [self._choice]}
        self.has_output = False
        self.complete = False

    def add(self, event: Mapping[str, Any]) -> str | None:
        """Take in one chunk; returns the text it adds."""
        self.body.update({key: event[key] for key in ("id", "model", "usage") if event.get(key)})
        choices = event.get("choices") or []
        if not choices:
            return None
        if choices[0].get("finish_reason"):
            self._choice["finish_reason"] = choices[0]["finish_reason"]
            self.complete = True
        delta = choices[0].get("delta") or {}
        for name in ("content", "refusal"):
            if delta.get(name):
                self._message[name] = self._message.get(name, "") + delta[name]
                self.has_output = True
        for call in delta.get("tool_calls") or []:
            self._add_call(call)
        return str(delta.get("content") or "")

    def _add_call(self, call: Mapping[str, Any]) -> None:
        self.has_output = True
        known = self._calls.setdefault(call["index"], {"name": "", "arguments": ""})
        for name in known:
            known[name] += (call.get("function") or {}).get(name) or ""
        self._message["tool_calls"] = [{"function": self._calls[n]} for n in sorted(self._calls)]
