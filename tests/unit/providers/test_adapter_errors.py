"""Every way a call can fail becomes one of the project's errors."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2
import pytest
from emulator_support import EVERYONE, LLM_PROVIDERS, MODELS, PHOTO, RunningEmulator

import modelscout.providers.anthropic
import modelscout.providers.clarifai
import modelscout.providers.google
import modelscout.providers.openai
import modelscout.providers.openai_compatible
from modelscout.core.errors import (
    AuthenticationFailed,
    BadRequest,
    MalformedAnswer,
    ModelNotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from modelscout.core.secrets import ProviderCredential
from modelscout.providers.protocol import GenerateRequest, GenerateResult, ProviderAdapter, Tool
from modelscout.providers.registry import open_adapter

TOOL = Tool("f", "A tool.", {"type": "object", "properties": {}})
OPENERS: dict[str, Callable[..., AbstractAsyncContextManager[ProviderAdapter]]] = {
    "openai": modelscout.providers.openai.open_adapter,
    "anthropic": modelscout.providers.anthropic.open_adapter,
    "google": modelscout.providers.google.open_adapter,
    "clarifai": modelscout.providers.clarifai.open_adapter,
    "openai_compatible": modelscout.providers.openai_compatible.open_adapter,
}


async def call(
    adapter: ProviderAdapter, request: GenerateRequest, *, streamed: bool = False
) -> GenerateResult:
    if not streamed:
        return await adapter.generate(request)
    events = [event async for event in adapter.stream(request)]
    assert isinstance(events[-1], GenerateResult)
    return events[-1]


async def failure(
    emulator: RunningEmulator, provider: str, *, streamed: bool = False, **request: Any
) -> ProviderError:
    request = {"model": MODELS[provider], "prompt": "Hello.", **request}
    async with emulator.adapter(provider) as adapter:
        with pytest.raises(ProviderError) as caught:
            await call(adapter, GenerateRequest(**request), streamed=streamed)
    assert caught.value.provider == provider
    return caught.value


def credential(provider: str, key: str = "key-0123456789") -> ProviderCredential:
    """A key for the vendor's own endpoint; a self-hosted one has none."""
    own = "http://llama.test/v1" if provider == "openai_compatible" else None
    return ProviderCredential(provider, key, own)


async def answer_of(
    provider: str, status: int, body: Any = None, *, content: bytes | None = None, **headers: str
) -> GenerateResult:
    """What the adapter makes of one raw response."""
    response = {"json": body} if content is None else {"content": content}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, headers=headers, **response))
    async with OPENERS[provider](credential(provider), transport=transport) as adapter:
        return await adapter.generate(GenerateRequest(MODELS[provider], "Hello."))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("provider", EVERYONE)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, AuthenticationFailed),
        (402, QuotaExhausted),
        (403, PermissionDenied),
        (404, ModelNotFound),
        (413, BadRequest),
        (429, RateLimited),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
        (529, ProviderUnavailable),
    ],
)
async def test_status_becomes_error(
    emulator: RunningEmulator, provider: str, streamed: bool, status: int, kind: type[ProviderError]
) -> None:
    emulator.fault(provider=provider, kind="http", status=status)
    error = await failure(emulator, provider, streamed=streamed)
    assert type(error) is kind
    assert error.status == (400 if (provider, status) == ("google", 401) else status)
    assert error.retryable is (status == 429 or status >= 500)
    if provider in {"openai", "anthropic"}:
        assert error.request_id is not None
        assert error.request_id.startswith("req_")


@pytest.mark.parametrize("provider", EVERYONE)
async def test_rate_limit_carries_the_wait(emulator: RunningEmulator, provider: str) -> None:
    emulator.fault(provider=provider, kind="http", status=429, retry_after_s=17)
    error = await failure(emulator, provider)
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 17


async def test_exhausted_quota_is_no_rate_limit(emulator: RunningEmulator) -> None:
    emulator.fault(provider="openai", kind="http", status=429, code="insufficient_quota")
    error = await failure(emulator, "openai")
    assert type(error) is QuotaExhausted
    assert not error.retryable
    assert error.code == "insufficient_quota"


@pytest.mark.parametrize("provider", EVERYONE)
async def test_unknown_key(emulator: RunningEmulator, provider: str) -> None:
    async with emulator.adapter(provider, key="sk-nobody-0123456789") as adapter:
        with pytest.raises(AuthenticationFailed):
            await adapter.generate(GenerateRequest(MODELS[provider], "Hello."))
        with pytest.raises(AuthenticationFailed):
            await adapter.list_models()


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4-turbo"),
        ("anthropic", "claude-3-sonnet"),
        ("google", "gemini-2.0-flash"),
        ("clarifai", "never-was"),
    ],
)
async def test_retired_or_unknown_model_is_not_found(
    emulator: RunningEmulator, provider: str, model: str
) -> None:
    error = await failure(emulator, provider, model=model)
    assert type(error) is ModelNotFound
    assert model in str(error)


@pytest.mark.parametrize("provider", LLM_PROVIDERS)
@pytest.mark.parametrize(
    "extra",
    [{"images": (PHOTO,)}, {"json_schema": {"type": "object"}}, {"tools": (TOOL,)}, {"streamed": True}],
)
async def test_what_a_model_cannot_do_is_a_bad_request(
    emulator: RunningEmulator, provider: str, extra: dict[str, Any]
) -> None:
    error = await failure(emulator, provider, model="plain", **extra)
    assert type(error) is BadRequest


@pytest.mark.parametrize("provider", EVERYONE)
@pytest.mark.parametrize("kind", ["cut_stream", "malformed"])
async def test_cut_or_broken_stream_is_malformed(emulator: RunningEmulator, provider: str, kind: str) -> None:
    emulator.fault(provider=provider, kind=kind)
    error = await failure(emulator, provider, streamed=True, prompt="Count to twelve.")
    assert type(error) is MalformedAnswer
    assert error.retryable


@pytest.mark.parametrize("provider", EVERYONE)
async def test_broken_body_is_malformed(emulator: RunningEmulator, provider: str) -> None:
    emulator.fault(provider=provider, kind="malformed")
    assert type(await failure(emulator, provider)) is MalformedAnswer


@pytest.mark.parametrize("provider", EVERYONE)
@pytest.mark.parametrize("streamed", [False, True])
async def test_refusal_in_place_of_the_first_token(
    emulator: RunningEmulator, provider: str, streamed: bool
) -> None:
    emulator.fault(provider=provider, kind="refuse_first_token")
    assert type(await failure(emulator, provider, streamed=streamed)) is ProviderUnavailable


@pytest.mark.parametrize("provider", EVERYONE)
async def test_empty_answer_is_an_answer(emulator: RunningEmulator, provider: str) -> None:
    emulator.fault(provider=provider, kind="empty")
    async with emulator.adapter(provider) as adapter:
        assert (await adapter.generate(GenerateRequest(MODELS[provider], "Hello."))).text == ""


@pytest.mark.parametrize("provider", EVERYONE)
@pytest.mark.parametrize("streamed", [False, True])
async def test_slow_answer_runs_into_the_timeout(
    emulator: RunningEmulator, provider: str, streamed: bool
) -> None:
    emulator.fault(provider=provider, kind="delay", delay_ms=1500)
    error = await failure(emulator, provider, streamed=streamed, timeout_s=0.15)
    assert type(error) is ProviderUnavailable
    assert "timeout" in str(error).lower()


@pytest.mark.parametrize("provider", EVERYONE)
async def test_refused_connection_is_unavailable_at_once(provider: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with open_adapter(
        ProviderCredential(provider, "key-0123456789", f"http://127.0.0.1:{port}")
    ) as adapter:
        started = asyncio.get_running_loop().time()
        with pytest.raises(ProviderUnavailable, match="Connect"):
            await adapter.generate(GenerateRequest(MODELS[provider], "Hello."))
        with pytest.raises(ProviderUnavailable):
            await adapter.list_models()
    # google-genai on aiohttp would have slept for seconds.
    assert asyncio.get_running_loop().time() - started < 1


async def test_an_sdk_never_retries(emulator: RunningEmulator) -> None:
    for provider in EVERYONE:
        emulator.fault(provider=provider, kind="http", status=503)
        assert type(await failure(emulator, provider)) is ProviderUnavailable
    assert emulator.control("POST", "faults", provider="openai", kind="empty") == {"faults": 1}


@pytest.mark.parametrize(
    ("provider", "status", "body", "kind"),
    [
        (
            "anthropic",
            400,
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "Your credit balance is too low to access the Anthropic API.",
                },
            },
            QuotaExhausted,
        ),
        (
            "anthropic",
            429,
            {
                "type": "error",
                "error": {
                    "type": "rate_limit_error",
                    "message": "Workspace spend limit reached.",
                    "details": {"error_code": "spend_limit_reached"},
                },
            },
            QuotaExhausted,
        ),
        (
            "google",
            400,
            {
                "error": {
                    "code": 400,
                    "message": "User location is not supported.",
                    "status": "FAILED_PRECONDITION",
                }
            },
            BadRequest,
        ),
        ("openai", 409, {"error": {"message": "Conflict."}}, ProviderUnavailable),
        ("openai", 422, {"error": {"message": "Unprocessable."}}, BadRequest),
        ("openai", 500, None, ProviderUnavailable),
        ("clarifai", 200, {"status": {"code": 11005, "description": "Throttled"}}, RateLimited),
        ("clarifai", 400, {"status": {"code": 21200, "description": "Model does not exist"}}, ModelNotFound),
        ("clarifai", 200, {"status": {"code": 11009, "description": "No such key"}}, AuthenticationFailed),
        ("clarifai", 200, {"status": {"code": 21354, "description": "Model is busy"}}, ProviderUnavailable),
        ("clarifai", 200, {"status": {"code": 30002, "description": "Bad image"}}, BadRequest),
        ("clarifai", 200, {"status": {"code": 39997, "description": "Strange"}}, ProviderUnavailable),
        (
            "clarifai",
            200,
            {
                "status": {"code": 10010, "description": "Mixed"},
                "outputs": [{"status": {"code": 30002, "description": "Bad image"}}],
            },
            BadRequest,
        ),
    ],
)
async def test_codes_that_tell_more_than_the_status(
    provider: str, status: int, body: Any, kind: type[ProviderError]
) -> None:
    with pytest.raises(kind) as caught:
        await answer_of(provider, status, body)
    assert type(caught.value) is kind


@pytest.mark.parametrize("provider", EVERYONE)
@pytest.mark.parametrize(
    "content", [b"", b"<html>502</html>", b"[1]", b'{"id": "x"}', b'{"id": "x", "outp', b"\xe5"]
)
async def test_success_without_a_readable_body_is_malformed(provider: str, content: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        await answer_of(provider, 200, content=content, **{"content-type": "application/json"})


@pytest.mark.parametrize("provider", EVERYONE)
@pytest.mark.parametrize("content", [b"", b"<html>no</html>", b"\xe5"])
async def test_error_without_a_readable_body_keeps_its_status(provider: str, content: bytes) -> None:
    with pytest.raises(PermissionDenied) as caught:
        await answer_of(provider, 403, content=content, **{"content-type": "application/json"})
    assert caught.value.status == 403


@pytest.mark.parametrize("provider", LLM_PROVIDERS)
async def test_success_without_usage_is_malformed(provider: str) -> None:
    bodies = {
        "openai": {"id": "r", "status": "completed", "output": []},
        "anthropic": {"id": "m", "content": [], "stop_reason": "end_turn"},
        "google": {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}]},
    }
    with pytest.raises(MalformedAnswer, match=r"usage|[tT]oken"):
        await answer_of(provider, 200, bodies[provider])


@pytest.mark.parametrize(
    ("headers", "message", "wait"),
    [
        ({"retry-after": "2.5"}, "", 2.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, "", 1.5),
        ({}, "Please try again in 174ms. Visit https://x.test", 0.174),
        ({}, "Please try again in 18.642s.", 18.642),
        ({}, "Please try again in 6m0.5s.", 360.5),
        ({}, "Please try again in 1h2m3s.", 3723.0),
        ({}, "Slow down.", None),
        ({"retry-after": "soon"}, "Slow down.", None),
    ],
)
async def test_wait_is_read_from_headers_and_text(
    headers: dict[str, str], message: str, wait: float | None
) -> None:
    with pytest.raises(RateLimited) as caught:
        await answer_of(
            "openai", 429, {"error": {"message": message, "code": "rate_limit_exceeded"}}, **headers
        )
    assert caught.value.retry_after_s == (None if wait is None else pytest.approx(wait))
