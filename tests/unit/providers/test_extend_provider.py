"""The provider of docs/extend-provider.md, installed as its package would be, against its API over HTTP."""

from __future__ import annotations

import dataclasses
import importlib
import json
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from emulator_support import PHOTO, PNG
from extend_provider_support import (
    KEY,
    MODELS,
    MODULE,
    PAGE,
    PAUSE_S,
    Lumen,
    answer_to,
    blocks,
    entry_points_of_page,
    install,
    refusal,
    stream,
)
from starlette.responses import JSONResponse, Response

from modelscout.core.errors import (
    AuthenticationFailed,
    ConfigurationError,
    MalformedAnswer,
    ModelNotFound,
    ProviderError,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import Capability, TokenUsage
from modelscout.providers import registry
from modelscout.providers.protocol import (
    FinishReason,
    GenerateRequest,
    GenerateResult,
    ListedModel,
    ProviderAdapter,
    RateLimitState,
    TextDelta,
    Tool,
)

SCHEMA = {"type": "object", "properties": {"pieces": {"type": "integer"}}, "required": ["pieces"]}
WEATHER = Tool("look_up_weather", "Weather of a city.", {"type": "object", "properties": {}})
HELLO = GenerateRequest("lumen-1", "Count to three.")


@contextmanager
def installed(folder: Path, *modules: str) -> Iterator[None]:
    """The packages in `folder`, for as long as the context lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        registry.provider_modules.cache_clear()
        try:
            yield
        finally:
            registry.provider_modules.cache_clear()
            registry._WARM.discard("lumen")
            for module in modules:
                sys.modules.pop(module, None)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The page's package, installed."""
    folder = tmp_path_factory.mktemp("site")
    install(folder, "modelscout_lumen", MODULE, "\n".join(blocks("python")), entry_points_of_page())
    with installed(folder, MODULE):
        yield


@pytest.fixture(scope="module")
def vendor() -> Iterator[Lumen]:
    lumen = Lumen()
    listener = socket.create_server(("127.0.0.1", 0))
    lumen.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(lumen.app, access_log=False, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start within 10 s"
        time.sleep(0.01)
    yield lumen
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture
def lumen(package: None, vendor: Lumen) -> Lumen:
    """The vendor, with nothing left over from another test."""
    vendor.forget()
    return vendor


def opened(lumen: Lumen, key: str = KEY) -> AbstractAsyncContextManager[ProviderAdapter]:
    return registry.open_adapter(ProviderCredential("lumen", key, lumen.url))


async def generate(lumen: Lumen, **changes: Any) -> GenerateResult:
    async with opened(lumen) as adapter:
        return await adapter.generate(dataclasses.replace(HELLO, **changes))


async def call(adapter: ProviderAdapter, *, streamed: bool) -> tuple[list[str], GenerateResult]:
    if not streamed:
        return [], await adapter.generate(HELLO)
    events = [event async for event in adapter.stream(HELLO)]
    assert isinstance(events[-1], GenerateResult)
    return [event.text for event in events[:-1] if isinstance(event, TextDelta)], events[-1]


async def failure(lumen: Lumen, response: Response, *, streamed: bool = False) -> ProviderError:
    """What becomes of a call that is answered with `response`."""
    lumen.say(response)
    async with opened(lumen) as adapter:
        with pytest.raises(ProviderError) as caught:
            await call(adapter, streamed=streamed)
    return caught.value


def test_page_shows_a_whole_adapter_in_less_than_a_hundred_lines() -> None:
    code = "\n".join(blocks("python"))
    lines = [line for line in code.splitlines() if line.strip()]
    assert 50 < len(lines) < 100
    assert max(len(line) for line in lines) <= 110
    assert f"{len(lines)} lines" in PAGE.read_text(encoding="utf-8")


def test_entry_point_names_the_module(package: None) -> None:
    assert registry.provider_modules()["lumen"] == MODULE


async def test_entry_point_cannot_replace_a_provider_of_ours(tmp_path: Path) -> None:
    entry_points = {registry.ENTRY_POINT_GROUP: {"openai": "intruder", "other": "intruder"}}
    install(tmp_path, "intruder", "intruder", "raise AssertionError('loaded')", entry_points)
    with installed(tmp_path, "intruder"):
        modules = registry.provider_modules()
        assert modules.items() >= registry.BUILT_IN.items()
        assert modules["other"] == "intruder", "the package is seen"
        async with registry.open_adapter(ProviderCredential("openai", KEY, "http://127.0.0.1:9")) as adapter:
            assert type(adapter).__module__ == "modelscout.providers.openai"
        assert "intruder" not in sys.modules


async def test_list_goes_over_all_pages(lumen: Lumen) -> None:
    async with opened(lumen) as adapter:
        models = await adapter.list_models()
    assert [model.model_id for model in models] == [model["name"] for model in MODELS]
    assert [request["after"] for request in lumen.requests] == [None, "2", "4"]
    assert models[0] == ListedModel(
        "lumen-1",
        retires_at=date(2027, 6, 30),
        context_window_tokens=100_001,
        capabilities={Capability.IMAGE_ANALYSIS: True},
    )
    assert models[2].capabilities == {Capability.IMAGE_ANALYSIS: False}


async def test_one_model_is_one_request(lumen: Lumen) -> None:
    async with opened(lumen) as adapter:
        model = await adapter.get_model("lumen-2")
        assert (model.model_id, model.retires_at) == ("lumen-2", None)
        assert lumen.requests == [{"name": "lumen-2"}]
        with pytest.raises(ModelNotFound, match="a/b&c is unknown") as caught:
            await adapter.get_model("a/b&c")
    assert (caught.value.status, caught.value.code) == (404, "no_such_model")


async def test_answer_says_who_answered_and_what_it_used(lumen: Lumen) -> None:
    result = await generate(lumen, system="Be brief.", max_output_tokens=50)
    assert (result.text, result.finish_reason) == ("One, two, three.", FinishReason.STOP)
    assert (result.requested_model, result.served_model) == ("lumen-1", "lumen-1-0915")
    assert result.usage == TokenUsage(input_tokens=25, cache_read_tokens=5, output_tokens=7)
    assert result.request_id == "call-1"
    assert result.rate_limit == RateLimitState(requests_limit=600, requests_remaining=599)
    assert 0 < result.duration_ms < 5000
    assert result.time_to_first_token_ms is None
    sent = lumen.requests[-1]
    assert (sent["ask"], sent["rules"], sent["most_tokens"]) == ("Count to three.", "Be brief.", 50)


async def test_image_arrives_whole(lumen: Lumen) -> None:
    result = await generate(lumen, images=(PHOTO,))
    assert result.text == f"data:image/png;base64 {len(PNG)} bytes"
    assert result.usage.image_count == 1


async def test_schema_gives_json(lumen: Lumen) -> None:
    result = await generate(lumen, json_schema=SCHEMA)
    assert json.loads(result.text) == {"pieces": 12}
    assert lumen.requests[-1]["schema"] == SCHEMA


@pytest.mark.parametrize("streamed", [False, True])
async def test_tool_call_has_name_and_arguments(lumen: Lumen, streamed: bool) -> None:
    request = dataclasses.replace(HELLO, tools=(WEATHER,))
    async with opened(lumen) as adapter:
        if streamed:
            result = [event async for event in adapter.stream(request)][-1]
        else:
            result = await adapter.generate(request)
    assert isinstance(result, GenerateResult)
    assert result.finish_reason is FinishReason.TOOL_CALLS
    assert [(made.name, made.arguments) for made in result.tool_calls] == [
        ("look_up_weather", {"city": "Oslo"})
    ]
    assert lumen.requests[-1]["tools"] == [
        {"name": WEATHER.name, "about": WEATHER.description, "takes": WEATHER.parameters}
    ]


async def test_answer_that_hits_the_limit_says_so(lumen: Lumen) -> None:
    assert (await generate(lumen, max_output_tokens=3)).finish_reason is FinishReason.LENGTH


async def test_end_that_nobody_knows_is_other(lumen: Lumen) -> None:
    body = {"model": "lumen-1", "tools": [], "schema": None, "images": [], "most_tokens": 9}
    lumen.say(stream([answer_to(body) | {"end": "moonrise"}]))
    assert (await generate(lumen)).finish_reason is FinishReason.OTHER


async def test_stream_comes_in_pieces_and_measures_the_first(lumen: Lumen) -> None:
    async with opened(lumen) as adapter:
        pieces, result = await call(adapter, streamed=True)
        _, plain = await call(adapter, streamed=False)
    assert pieces == ["One, ", "two, ", "three."]
    assert (result.text, result.usage, result.served_model) == (plain.text, plain.usage, plain.served_model)
    assert (result.request_id, result.rate_limit) == (plain.request_id, plain.rate_limit)
    first = result.time_to_first_token_ms
    assert first is not None
    # Three pauses lie between the first of four lines and the last.
    assert 0 < first <= result.duration_ms - 3 * PAUSE_S * 1000 * 0.9


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "bad_key", AuthenticationFailed),
        (404, "no_such_model", ModelNotFound),
        (429, "too_fast", RateLimited),
        (429, "no_credit", QuotaExhausted),
        (500, "broken", ProviderUnavailable),
        (503, "busy", ProviderUnavailable),
        (307, "elsewhere", MalformedAnswer),
    ],
)
async def test_refusal_becomes_the_projects_error(
    lumen: Lumen, streamed: bool, status: int, code: str, kind: type[ProviderError]
) -> None:
    error = await failure(lumen, refusal(status, code, "It is so."), streamed=streamed)
    assert type(error) is kind
    assert (error.provider, error.status, error.code) == ("lumen", status, code)
    assert (str(error), error.request_id) == ("It is so.", "call-9")


async def test_refusal_that_names_a_wait_keeps_it(lumen: Lumen) -> None:
    error = await failure(lumen, refusal(429, "too_fast", "Slower.", **{"retry-after": "17"}))
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 17
    async with opened(lumen) as adapter:
        lumen.requests.clear()
        with pytest.raises(RateLimited, match="leave no room"):
            await adapter.generate(dataclasses.replace(HELLO, timeout_s=5))
    assert lumen.requests == [], "a call that would have to wait too long is not sent"


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (Response("<h1>Bad Gateway</h1>", 502), ProviderUnavailable),
        (JSONResponse({"error": "key expired"}, 401), AuthenticationFailed),
        (JSONResponse(["?"], 404), ModelNotFound),
        (Response(b"\xff", 500), ProviderUnavailable),
    ],
)
async def test_refusal_of_a_proxy_is_read_by_its_status(
    lumen: Lumen, response: Response, kind: type[ProviderError]
) -> None:
    assert type(await failure(lumen, response)) is kind


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "line",
    ["<html>", "[]", "5", "{}", '{"text": "Hi", "end": "done", "model": "m", "calls": []}', '{"text": "H'],
)
async def test_answer_in_an_unknown_form_is_malformed(lumen: Lumen, streamed: bool, line: str) -> None:
    assert type(await failure(lumen, stream([line]), streamed=streamed)) is MalformedAnswer


@pytest.mark.parametrize("count", [None, -1, "7", 1.5])
async def test_answer_without_a_count_is_no_free_call(lumen: Lumen, count: object) -> None:
    used = {"read": 20, "reused": 5, "written": count}
    answer = {"text": "Hi", "calls": [], "end": "done", "model": "m", "used": used}
    assert type(await failure(lumen, stream([answer]))) is MalformedAnswer


@pytest.mark.parametrize("body", [{}, {"models": [{}]}, {"models": 5, "next": None}, {"models": ["m"]}, []])
async def test_list_in_an_unknown_form_is_malformed(lumen: Lumen, body: object) -> None:
    async with opened(lumen) as adapter:
        lumen.say(JSONResponse(body))
        with pytest.raises(MalformedAnswer):
            await adapter.list_models()


@pytest.mark.parametrize(
    ("lines", "cut", "kind"),
    [
        ([{"delta": "One, "}], False, MalformedAnswer),
        ([{"delta": "One, "}, '{"delta": "tw'], False, MalformedAnswer),
        ([], False, MalformedAnswer),
        ([{"delta": "One, "}], True, ProviderUnavailable),
        ([{"delta": "One, "}, {"error": {"code": "too_fast", "message": "Slower."}}], False, RateLimited),
        ([{"error": {"code": "busy", "message": "Later."}}], False, ProviderUnavailable),
    ],
)
async def test_stream_that_is_cut_fails(
    lumen: Lumen, lines: list[Any], cut: bool, kind: type[ProviderError]
) -> None:
    error = await failure(lumen, stream(lines, cut=cut), streamed=True)
    assert type(error) is kind
    assert error.retryable


async def test_stream_that_ends_early_is_named_so(lumen: Lumen) -> None:
    error = await failure(lumen, stream([{"delta": "One, "}]), streamed=True)
    assert str(error) == "the stream ended before the answer did"
    assert error.request_id == "call-1"


async def test_answer_that_takes_too_long_is_a_failure(lumen: Lumen) -> None:
    lumen.say(stream([{"delta": "One, "}] * 20))
    async with opened(lumen) as adapter:
        with pytest.raises(ProviderUnavailable, match=r"(?i)timeout"):
            async for _ in adapter.stream(dataclasses.replace(HELLO, timeout_s=3 * PAUSE_S)):
                pass


@pytest.mark.parametrize("streamed", [False, True])
async def test_key_shows_nowhere(lumen: Lumen, streamed: bool) -> None:
    secret = "lmn-very-secret-fedcba9876543210"
    credential = ProviderCredential("lumen", secret, lumen.url)
    async with registry.open_adapter(credential) as adapter:
        assert secret not in repr(adapter) + str(adapter) + repr(credential)
        with pytest.raises(AuthenticationFailed, match=r"the key \*\*\* is unknown") as caught:
            await call(adapter, streamed=streamed)
    error = caught.value
    assert secret not in "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


async def test_region_chooses_the_endpoint(package: None) -> None:
    hosts: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        hosts.append(request.url.host)
        return httpx2.Response(200, json={"models": [], "next": None})

    module = importlib.import_module(MODULE)
    for region in ("global", "eu"):
        credential = ProviderCredential("lumen", KEY, region=region)
        async with module.open_adapter(credential, transport=httpx2.MockTransport(answer)) as adapter:
            assert await adapter.list_models() == []
    assert hosts == ["api.lumen.example", "eu.lumen.example"]
    with pytest.raises(ConfigurationError, match=r"region='mars'.*eu, global"):
        async with registry.open_adapter(ProviderCredential("lumen", KEY, region="mars")):
            pass
