"""The Responses API's bodies: from our request, to our result. Pure; imports no SDK."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from modelscout.core.secrets import ProviderCredential
from modelscout.providers import wire
from modelscout.providers.errors import malformed
from modelscout.providers.protocol import FinishReason, GenerateRequest, GenerateResult, Tool, ToolCall

IMAGE_DETAIL = "high"
"""`auto` means the original resolution on this year's models, which costs five times as much."""

_REASONING_MODELS = re.compile(r"^(?:ft:)?(?:gpt-(?:[5-9]|\d\d)(?!.*chat)|o\d)")

_INCOMPLETE = {"max_output_tokens": FinishReason.LENGTH, "content_filter": FinishReason.REFUSAL}


def request_body(request: GenerateRequest) -> dict[str, Any]:
    """Arguments of `responses.create`."""
    content: list[dict[str, Any]] = [{"type": "input_text", "text": request.prompt}]
    content += [
        {"type": "input_image", "image_url": wire.data_url(image), "detail": IMAGE_DETAIL}
        for image in request.images
    ]
    body: dict[str, Any] = {
        "model": request.model,
        "store": False,
        "max_output_tokens": request.max_output_tokens,
        "input": [{"role": "user", "content": content}],
    }
    if request.system:
        body["instructions"] = request.system
    if request.json_schema is not None:
        body["text"] = {"format": _format(request.json_schema)}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.reasoning_effort and _REASONING_MODELS.match(request.model):
        body["reasoning"] = {"effort": request.reasoning_effort.value}
    return body


def _format(schema: Mapping[str, Any]) -> dict[str, Any]:
    closed = wire.closed_schema(schema)
    strict = wire.is_strict_schema(closed)
    return {
        "type": "json_schema",
        "name": "answer",
        "schema": closed if strict else dict(schema),
        "strict": strict,
    }


def _tool(tool: Tool) -> dict[str, Any]:
    closed = wire.closed_schema(tool.parameters)
    strict = wire.is_strict_schema(closed)
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": closed if strict else dict(tool.parameters),
        "strict": strict,
    }


def parse_response(
    credential: ProviderCredential,
    request: GenerateRequest,
    body: Mapping[str, Any],
    *,
    request_id: str | None,
    duration_ms: float,
) -> GenerateResult:
    """Our result from a finished response. Raises MalformedAnswer."""
    status = body.get("status")
    if status not in {"completed", "incomplete"}:
        raise malformed(credential, f"the response has status {status!r}", request_id=request_id)
    parts = list(_content(body))
    calls = tuple(_tool_calls(credential, body, request_id))
    refusals = [part["refusal"] for part in parts if part.get("type") == "refusal"]
    text = "".join(part["text"] for part in parts if part.get("type") == "output_text")
    usage = wire.read_usage(credential, "responses", body, request_id=request_id)
    return GenerateResult(
        text=text or "".join(refusals),
        finish_reason=_finish_reason(body, has_calls=bool(calls), refused=bool(refusals)),
        usage=replace(usage, image_count=len(request.images)),
        requested_model=request.model,
        served_model=str(body.get("model") or request.model),
        request_id=request_id or body.get("id"),
        duration_ms=duration_ms,
        tool_calls=calls,
    )


def _content(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for item in body["output"]:
        if item.get("type") == "message":
            yield from item["content"]


def _tool_calls(
    credential: ProviderCredential, body: Mapping[str, Any], request_id: str | None
) -> Iterator[ToolCall]:
    for item in body["output"]:
        if item.get("type") != "function_call":
            continue
        if body.get("status") == "incomplete":
            # The arguments were cut where the tokens ended.
            continue
        arguments = wire.json_object(credential, item["arguments"] or "{}", request_id=request_id)
        yield ToolCall(name=item["name"], arguments=arguments)


def _finish_reason(body: Mapping[str, Any], *, has_calls: bool, refused: bool) -> FinishReason:
    if body.get("status") == "incomplete":
        reason = (body.get("incomplete_details") or {}).get("reason")
        return _INCOMPLETE.get(str(reason), FinishReason.OTHER)
    if refused:
        return FinishReason.REFUSAL
    return FinishReason.TOOL_CALLS if has_calls else FinishReason.STOP
