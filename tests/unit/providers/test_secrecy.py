"""A key shows nowhere: not in repr, exceptions, tracebacks or DEBUG logs."""

from __future__ import annotations

import dataclasses
import io
import logging
import traceback
from collections.abc import Iterator

import httpx2
import pytest
from emulator_support import EVERYONE, KEYS, MODELS, PHOTO, RunningEmulator
from test_adapter_errors import OPENERS, credential

from modelscout.core.errors import ProviderError
from modelscout.core.secrets import ProviderCredential
from modelscout.providers.protocol import GenerateRequest

SECRET = "sk-very-secret-0123456789abcdef"


@pytest.fixture
def debug_log() -> Iterator[io.StringIO]:
    """Everything that any library logs."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    loggers = [
        logging.getLogger(name) for name in ("openai", "anthropic", "google_genai", "httpx2", "httpcore2")
    ]
    levels = [(logger, logger.level) for logger in [root, *loggers]]
    root.addHandler(handler)
    for logger, _ in levels:
        logger.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    for logger, level in levels:
        logger.setLevel(level)


@pytest.mark.parametrize("provider", EVERYONE)
async def test_debug_logs_hold_no_key(
    emulator: RunningEmulator, provider: str, debug_log: io.StringIO
) -> None:
    async with emulator.adapter(provider) as adapter:
        await adapter.list_models()
        request = GenerateRequest(MODELS[provider], "Hello.")
        await adapter.generate(request)
        async for _ in adapter.stream(request):
            pass
        emulator.fault(provider=provider, kind="http", status=500)
        with pytest.raises(ProviderError):
            await adapter.generate(request)
    log = debug_log.getvalue()
    assert "127.0.0.1" in log, "the capture works"
    assert KEYS[provider] not in log


@pytest.mark.parametrize("provider", EVERYONE)
@pytest.mark.parametrize("status", [200, 400, 401, 500])
async def test_vendor_that_repeats_the_key_is_redacted(provider: str, status: int) -> None:
    echo = f"Incorrect API key provided: {SECRET}. " * 40
    body = {"error": {"message": echo, "code": "x"}, "status": {"code": 1, "description": echo}}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, json=body))
    async with OPENERS[provider](credential(provider, SECRET), transport=transport) as adapter:
        with pytest.raises(ProviderError) as caught:
            await adapter.generate(GenerateRequest("model", "Hello."))
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(error) + repr(vars(error))
    assert SECRET not in shown
    assert len(str(error)) <= 300
    if status >= 400:
        assert "***" in str(error)


@pytest.mark.parametrize("provider", EVERYONE)
@pytest.mark.parametrize("status", [200, 403])
@pytest.mark.parametrize("before", range(60, 300, 16))
async def test_no_part_of_the_key_is_left_where_a_message_is_cut(
    provider: str, status: int, before: int
) -> None:
    content = f"{'x' * before}{SECRET}{'y' * 300}"
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, text=content))
    async with OPENERS[provider](credential(provider, SECRET), transport=transport) as adapter:
        with pytest.raises(ProviderError) as caught:
            await adapter.generate(GenerateRequest("model", "Hello."))
    assert SECRET[:8] not in str(caught.value)


@pytest.mark.parametrize("provider", EVERYONE)
async def test_connection_error_holds_no_key(provider: str) -> None:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError(f"cannot send {request.headers} to {SECRET}", request=request)

    used = credential(provider, SECRET)
    async with OPENERS[provider](used, transport=httpx2.MockTransport(fail)) as adapter:
        with pytest.raises(ProviderError) as caught:
            await adapter.generate(GenerateRequest("model", "Hello."))
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        assert SECRET not in repr(adapter) + str(adapter)
    assert SECRET not in repr(used) + str(used)


@pytest.mark.parametrize("provider", EVERYONE)
async def test_redirects_are_not_followed(provider: str) -> None:
    hosts: list[str] = []

    def redirect(request: httpx2.Request) -> httpx2.Response:
        hosts.append(request.url.host)
        return httpx2.Response(307, headers={"location": "https://elsewhere.test/"})

    vendor = ProviderCredential(provider, SECRET, "https://vendor.test")
    async with OPENERS[provider](vendor, transport=httpx2.MockTransport(redirect)) as adapter:
        with pytest.raises(ProviderError):
            await adapter.generate(GenerateRequest("model", "Hello."))
    assert hosts == ["vendor.test"]


@pytest.mark.parametrize("provider", EVERYONE)
async def test_request_sends_no_sampling_and_forces_no_tool(provider: str) -> None:
    bodies: list[str] = []

    def record(request: httpx2.Request) -> httpx2.Response:
        bodies.append(request.content.decode())
        return httpx2.Response(500, json={})

    request = GenerateRequest(
        MODELS[provider], "Hello.", images=(PHOTO,), system="Brief.", json_schema={"type": "object"}
    )
    async with OPENERS[provider](
        credential(provider, SECRET), transport=httpx2.MockTransport(record)
    ) as adapter:
        for changed in (request, dataclasses.replace(request, images=())):
            with pytest.raises(ProviderError):
                await adapter.generate(changed)
    for body in bodies:
        for word in ("temperature", "top_p", "topP", "top_k", "topK", "tool_choice", "toolConfig", "seed"):
            assert f'"{word}"' not in body
    assert provider != "openai" or all('"store":false' in body.replace(" ", "") for body in bodies)
