"""Clarifai's bodies: from our request, to our result. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelscout.core.secrets import ProviderCredential
from modelscout.providers import wire
from modelscout.providers.errors import VendorFailure, malformed, retry_after_seconds
from modelscout.providers.protocol import FinishReason, GenerateRequest, GenerateResult, ToolCall

SUCCESS = 10000
MIXED_STATUS = 10010

_STATUS_OF_CODE = {
    10020: 500,
    11001: 401,
    11003: 402,
    11004: 402,
    11005: 429,
    11006: 402,
    11008: 401,
    11009: 401,
    11101: 404,
    21200: 404,
    21353: 503,
    21354: 503,
    21355: 503,
}
"""What Clarifai's own codes are as an HTTP status: it answers many failures with 200 or 400."""

_FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.REFUSAL,
}


def failure_of(status: int, headers: Mapping[str, str], answer: object, text: str) -> VendorFailure | None:
    """What went wrong, or None. Status 200 is no success by itself: `status.code` decides."""
    body = answer if isinstance(answer, Mapping) else {}
    detail = body.get("status")
    if isinstance(detail, Mapping) and detail.get("code") == MIXED_STATUS:
        detail = _first_failed_output(body) or detail
    detail = detail if isinstance(detail, Mapping) else {}
    code = detail.get("code")
    if status < 400 and code in {None, SUCCESS}:
        return None
    said = [str(detail[key]) for key in ("description", "details") if detail.get(key)]
    if not said:
        error = body.get("error")
        said = [str(error.get("message"))] if isinstance(error, Mapping) else [text or "no message"]
    return VendorFailure(
        message=": ".join(said),
        status=_status(status, code),
        codes=(str(code),) if code is not None else (),
        request_id=detail.get("req_id"),
        retry_after_s=retry_after_seconds(headers),
    )


def _status(status: int, code: object) -> int:
    if isinstance(code, int) and code in _STATUS_OF_CODE:
        return _STATUS_OF_CODE[code]
    if status >= 400:
        return status
    # 30xxx: the input is wrong; 11100: the request is. The rest are failures on their side.
    return 400 if isinstance(code, int) and (code // 1000 == 30 or code == 11100) else 500


def _first_failed_output(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for output in body.get("outputs") or []:
        status = output.get("status") or {}
        if status.get("code") != SUCCESS:
            return {"req_id": body["status"].get("req_id"), **status}
    return None


def parse_outputs(
    credential: ProviderCredential, request: GenerateRequest, body: Mapping[str, Any]
) -> GenerateResult:
    """Concepts of all images by falling value, each name once: `text` is a JSON array of the names."""
    request_id = body["status"].get("req_id")
    usage = wire.read_usage(credential, "outputs", body, request_id=request_id)
    values: dict[str, float] = {}
    for output in body["outputs"]:
        for concept in output["data"].get("concepts") or []:
            name = concept["name"]
            values[name] = max(values.get(name, 0.0), float(concept["value"]))
    names = sorted(values, key=lambda name: -values[name])
    model = body["outputs"][0].get("model") or {}
    return GenerateResult(
        text=json.dumps(names, ensure_ascii=False),
        finish_reason=FinishReason.STOP,
        usage=replace(usage, image_count=len(request.images)),
        requested_model=request.model,
        served_model=str(model.get("id") or request.model),
        request_id=request_id,
        duration_ms=0.0,
        confidence=values[names[0]] if names else None,
    )


def chat_body(request: GenerateRequest) -> dict[str, Any]:
    """Body of the OpenAI-compatible chat endpoint."""
    content: list[dict[str, Any]] = [{"type": "text", "text": request.prompt}]
    content += [{"type": "image_url", "image_url": {"url": wire.data_url(image)}} for image in request.images]
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
    if request.system:
        messages.insert(0, {"role": "system", "content": request.system})
    body: dict[str, Any] = {
        "model": request.model,
        "messages": messages,
        "max_completion_tokens": request.max_output_tokens,
    }
    if request.json_schema is not None:
        form = {"name": "answer", "schema": dict(request.json_schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
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


def parse_chat(
    credential: ProviderCredential, request: GenerateRequest, body: Mapping[str, Any]
) -> GenerateResult:
    """Our result from a chat completion. Raises MalformedAnswer."""
    request_id = body.get("id")
    choice = body["choices"][0]
    reason = choice.get("finish_reason")
    if not reason:
        raise malformed(credential, "the answer has no finish reason", request_id=request_id)
    message = choice["message"]
    usage = wire.read_usage(credential, "chat", body, request_id=request_id)
    calls = tuple(
        ToolCall(
            name=call["function"]["name"],
            arguments=wire.json_object(
                credential, call["function"]["arguments"] or "{}", request_id=request_id
            ),
        )
        for call in message.get("tool_calls") or []
    )
    return GenerateResult(
        text=message.get("content") or message.get("refusal") or "",
        finish_reason=FinishReason.REFUSAL
        if message.get("refusal")
        else _FINISH_REASONS.get(reason, FinishReason.OTHER),
        usage=replace(usage, image_count=len(request.images)),
        requested_model=request.model,
        served_model=str(body.get("model") or request.model),
        request_id=request_id,
        duration_ms=0.0,
        tool_calls=calls,
    )
