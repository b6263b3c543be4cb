"""The adapters read what the live APIs answered to other people's programs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from test_adapter_errors import OPENERS

from modelscout.core.errors import (
    AuthenticationFailed,
    BadRequest,
    ModelNotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from modelscout.core.secrets import ProviderCredential
from modelscout.providers.protocol import FinishReason, GenerateRequest, GenerateResult, TextDelta

pytestmark = pytest.mark.filterwarnings("ignore:The model .* is deprecated:DeprecationWarning")

FOLDER = Path("../shared/data/recorded_responses")
PROVIDER_OF = {"gemini": "google", "vertex": "google"}
BY_STATUS: dict[int, type[ProviderError]] = {
    400: BadRequest,
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: ModelNotFound,
    429: RateLimited,
    500: ProviderUnavailable,
    503: ProviderUnavailable,
    529: ProviderUnavailable,
}
NOT_BY_STATUS = {
    "error_gemini_400_INVALID_ARGUMENT_400": AuthenticationFailed,  # "API key not valid."
    "error_openai_400_invalid_request_error_model_not_found": ModelNotFound,
}
KEPT_HEADERS = ("retry-after", "x-request-id", "request-id", "x-ratelimit", "anthropic-ratelimit")


def recordings(prefix: str) -> list[Any]:
    names = sorted(path.stem for path in FOLDER.glob(f"{prefix}*.json") if path.stem != "errors_from_issues")
    absent = pytest.mark.skip(reason=f"{FOLDER} is absent: it is public data, not part of the repository")
    return names or [pytest.param("absent", marks=absent)]


def load(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return record


def other_endpoint(record: dict[str, Any]) -> str | None:
    """Why a recording is none of a call that the adapters make."""
    if "batch" in record["url"]:
        return "a batch, which is not an answer"
    if record["provider"] == "gemini" and record["kind"] == "chat":
        return "Google's OpenAI-compatible endpoint, which no adapter calls"
    if record["kind"] == "chat" and record["stream"] and '"usage":{' not in _text(record).replace(" ", ""):
        return "a chat stream that was not asked for its usage"
    return None


def _text(record: dict[str, Any]) -> str:
    body = record["response_body"]
    return body if isinstance(body, str) else json.dumps(body)


def content(record: dict[str, Any]) -> bytes:
    """The body as it came over the wire."""
    body = record["response_body"]
    if isinstance(body, list):
        # Streams of Google without `alt=sse` are one array; the SDK always asks for events.
        return b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in body)
    if not isinstance(body, str):
        return json.dumps(body).encode()
    if body.startswith("base64:"):
        return base64.b64decode(body.removeprefix("base64:"))
    if body.startswith(("ZXZlbnQ6", "ZGF0YTog", "eyJ")):
        return base64.b64decode(body)
    return body.encode()


def replay(record: dict[str, Any]) -> httpx2.MockTransport:
    """The recorded answer, once; then an empty one, which ends a list of pages."""
    headers = {
        name: value
        for name, value in record["response_headers"].items()
        if name.lower().startswith(KEPT_HEADERS)
    }
    headers["content-type"] = "text/event-stream" if record["stream"] else "application/json"
    answers: Iterator[bytes] = iter([content(record)])
    return httpx2.MockTransport(
        lambda _: httpx2.Response(record["status"], headers=headers, content=next(answers, b"{}"))
    )


def opened(record: dict[str, Any]) -> Any:
    provider = PROVIDER_OF.get(record["provider"], record["provider"])
    if record["kind"] == "chat" and provider == "openai":
        provider = "clarifai"  # The one adapter that speaks Chat Completions.
    return OPENERS[provider](ProviderCredential(provider, "key-0123456789"), transport=replay(record))


async def answer(record: dict[str, Any]) -> GenerateResult:
    request = GenerateRequest(record["model"] or "model", "Hello.")
    async with opened(record) as adapter:
        if not record["stream"]:
            result: GenerateResult = await adapter.generate(request)
            return result
        events = [event async for event in adapter.stream(request)]
    final = events[-1]
    assert isinstance(final, GenerateResult)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) in {final.text, ""}
    assert final.finish_reason is FinishReason.REFUSAL or final.time_to_first_token_ms is not None
    return final


@pytest.mark.parametrize("name", recordings("ok_"))
async def test_recorded_answer_is_read(name: str) -> None:
    record = load(name)
    reason = other_endpoint(record)
    if reason:
        pytest.skip(reason)
    result = await answer(record)
    assert result.usage.input_tokens > 0
    assert result.usage.output_tokens >= result.usage.reasoning_tokens
    assert result.served_model
    if "refusal" in name:
        assert result.finish_reason is FinishReason.REFUSAL
    elif "truncated" in name:
        assert result.finish_reason is FinishReason.LENGTH
    else:
        assert result.finish_reason in {FinishReason.STOP, FinishReason.TOOL_CALLS}
        assert bool(result.tool_calls) is (result.finish_reason is FinishReason.TOOL_CALLS)
        assert result.text or result.tool_calls or result.usage.output_tokens < 10
    if "structured" in name and not record["response_cut"]:
        json.loads(result.text)


@pytest.mark.parametrize("name", recordings("error_"))
async def test_recorded_error_is_mapped(name: str) -> None:
    record = load(name)
    with pytest.raises(ProviderError) as caught:
        await answer({**record, "stream": False})
    kind = NOT_BY_STATUS.get(name, BY_STATUS[record["status"]])
    assert type(caught.value) is kind
    assert caught.value.status == record["status"]
    if kind is RateLimited:
        assert isinstance(caught.value, RateLimited)
        assert caught.value.retry_after_s == 48


@pytest.mark.parametrize("name", recordings("list_models_"))
async def test_recorded_list_is_read(name: str) -> None:
    record = load(name)
    async with opened(record) as adapter:
        models = await adapter.list_models()
    body = record["response_body"]
    assert len(models) == len(body.get("data") or body["models"])
    assert all(model.model_id and not model.model_id.startswith("models/") for model in models)
    if record["provider"] == "anthropic":
        assert all(model.context_window_tokens and model.capabilities for model in models)


def reported() -> list[Any]:
    path = FOLDER / "errors_from_issues.json"
    if not path.exists():
        return recordings("errors_from")
    entries = [entry for entry in json.loads(path.read_text()) if not entry.get("truncated")]
    return [
        pytest.param(entry, id=f"{entry['provider']}-{entry['status']}-{n}")
        for n, entry in enumerate(entries)
    ]


@pytest.mark.parametrize("entry", reported())
async def test_error_that_users_reported_is_mapped(entry: dict[str, Any]) -> None:
    provider = PROVIDER_OF.get(entry["provider"], entry["provider"])
    body = entry.get("body") or {"error": {"message": entry["message_only"], "code": "rate_limit_exceeded"}}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(entry["status"], json=body))
    async with OPENERS[provider](
        ProviderCredential(provider, "key-0123456789"), transport=transport
    ) as adapter:
        with pytest.raises(ProviderError) as caught:
            await adapter.generate(GenerateRequest("model", "Hello."))
    exhausted = "insufficient_quota" in json.dumps(body)
    assert type(caught.value) is (QuotaExhausted if exhausted else BY_STATUS[entry["status"]])
    if entry.get("message_only"):
        assert isinstance(caught.value, RateLimited)
        assert round(caught.value.retry_after_s or 0, 3) in {0.174, 18.642}
