"""Each adapter with its real SDK over HTTP: list, generate, images, schema, tools, stream."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import httpx2
import pytest
from emulator_support import CONTROL, EVERYONE, KEYS, LLM_PROVIDERS, MODELS, PHOTO, RunningEmulator

from modelscout.core.errors import BadRequest, ConfigurationError
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import Capability, TokenUsage
from modelscout.providers.google import open_adapter as open_google
from modelscout.providers.protocol import (
    FinishReason,
    GenerateRequest,
    GenerateResult,
    ListedModel,
    ProviderAdapter,
    ReasoningEffort,
    TextDelta,
    Tool,
)
from modelscout.providers.registry import open_adapter

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "pieces": {"type": "integer"}},
    "required": ["name", "pieces"],
}
WEATHER = Tool(
    "look_up_weather",
    "Current weather of a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
REASONING = {"openai": 20, "anthropic": 5, "google": 12, "clarifai": 0, "openai_compatible": 0}


async def collect(adapter: ProviderAdapter, request: GenerateRequest) -> tuple[str, GenerateResult]:
    events = [event async for event in adapter.stream(request)]
    assert isinstance(events[-1], GenerateResult)
    deltas = events[:-1]
    assert all(isinstance(event, TextDelta) for event in deltas)
    return "".join(event.text for event in deltas if isinstance(event, TextDelta)), events[-1]


async def listed(emulator: RunningEmulator, provider: str) -> dict[str, ListedModel]:
    async with emulator.adapter(provider) as adapter:
        return {model.model_id: model for model in await adapter.list_models()}


@pytest.mark.parametrize("provider", EVERYONE)
async def test_text_answer_says_who_answered_and_what_it_used(
    emulator: RunningEmulator, provider: str
) -> None:
    request = GenerateRequest(MODELS[provider], "Hello there, whoever you are.", system="Be brief.")
    async with emulator.adapter(provider) as adapter:
        result = await adapter.generate(request)
    assert result.text == "Understood."
    assert result.finish_reason is FinishReason.STOP
    assert (result.requested_model, result.served_model) == (MODELS[provider], MODELS[provider])
    # 29 + 9 characters of input and 11 of output, at four to the token.
    assert result.usage == TokenUsage(
        input_tokens=10, output_tokens=3 + REASONING[provider], reasoning_tokens=REASONING[provider]
    )
    assert result.request_id
    assert 0 < result.duration_ms < 5000
    assert result.time_to_first_token_ms is None


@pytest.mark.parametrize("provider", LLM_PROVIDERS)
async def test_image_reaches_the_model_and_is_counted(emulator: RunningEmulator, provider: str) -> None:
    request = GenerateRequest(MODELS[provider], "Tag the photo.", images=(PHOTO,))
    async with emulator.adapter(provider) as adapter:
        result = await adapter.generate(request)
    # The emulator recognises the item only by the exact bytes and the exact prompt.
    assert json.loads(result.text) == ["beach", "sea", "sunset"]
    image_tokens = 308 if provider == "openai" else 300
    assert result.usage.input_tokens == 4 + image_tokens
    assert result.usage.image_count == 1
    # Of the three, Google alone tells image tokens apart.
    assert result.usage.image_tokens == (image_tokens if provider == "google" else 0)


@pytest.mark.parametrize("provider", EVERYONE)
async def test_schema_answer_is_json(emulator: RunningEmulator, provider: str) -> None:
    async with emulator.adapter(provider) as adapter:
        known = await adapter.generate(
            GenerateRequest(MODELS[provider], "Give name and pieces.", json_schema=SCHEMA)
        )
        unknown = await adapter.generate(
            GenerateRequest(MODELS[provider], "Give me anything.", json_schema=SCHEMA)
        )
    assert json.loads(known.text) == {"name": "Maria", "pieces": 12}
    assert json.loads(unknown.text) == {"name": "text", "pieces": 0}


@pytest.mark.parametrize("provider", EVERYONE)
@pytest.mark.parametrize("streamed", [False, True])
async def test_tool_call_has_name_and_arguments(
    emulator: RunningEmulator, provider: str, streamed: bool
) -> None:
    request = GenerateRequest(MODELS[provider], "Weather in Oslo?", tools=(WEATHER,))
    async with emulator.adapter(provider) as adapter:
        result = (await collect(adapter, request))[1] if streamed else await adapter.generate(request)
    assert result.finish_reason is FinishReason.TOOL_CALLS
    assert [(call.name, call.arguments) for call in result.tool_calls] == [
        ("look_up_weather", {"city": "Oslo"})
    ]


@pytest.mark.parametrize("provider", EVERYONE)
async def test_stream_gives_the_text_in_pieces_and_ends_with_the_result(
    emulator: RunningEmulator, provider: str
) -> None:
    async with emulator.adapter(provider) as adapter:
        request = GenerateRequest(MODELS[provider], "Count to twelve.")
        events = [event async for event in adapter.stream(request)]
        text, result = await collect(adapter, request)
        plain = await adapter.generate(request)
    assert len(events) > 2
    assert text == result.text == "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12"
    assert result.usage == plain.usage
    assert result.finish_reason is FinishReason.STOP
    assert result.time_to_first_token_ms is not None
    assert 0 < result.time_to_first_token_ms <= result.duration_ms


@pytest.mark.parametrize("provider", EVERYONE)
async def test_answer_that_hits_the_limit_says_so(emulator: RunningEmulator, provider: str) -> None:
    request = GenerateRequest(MODELS[provider], "Count to twelve.", max_output_tokens=3)
    async with emulator.adapter(provider) as adapter:
        plain = await adapter.generate(request)
        _, streamed = await collect(adapter, request)
    assert plain.finish_reason is streamed.finish_reason is FinishReason.LENGTH
    assert plain.usage.output_tokens == 3
    assert "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12".startswith(plain.text)


async def test_model_that_is_rerouted_shows_who_really_answered(emulator: RunningEmulator) -> None:
    async with emulator.adapter("openai") as adapter:
        result = await adapter.generate(GenerateRequest("rerouted", "Hello."))
    assert (result.requested_model, result.served_model) == ("rerouted", "gpt-6-luna")


async def test_repeated_long_prompt_reports_cached_tokens(emulator: RunningEmulator) -> None:
    system = "The house rules, at length. " * 200
    async with emulator.adapter("openai") as adapter:
        first = await adapter.generate(GenerateRequest("gpt-6-luna", "One.", system=system))
        second = await adapter.generate(GenerateRequest("gpt-6-luna", "Two.", system=system))
    assert first.usage.cache_read_tokens == 0
    # 5,600 characters are 1,400 tokens: of steps of 128 from 1,024 on, 1,280 fit.
    assert second.usage.cache_read_tokens == 1280
    assert second.usage.input_tokens == 1401


async def test_reasoning_effort_changes_the_reasoning(emulator: RunningEmulator) -> None:
    async with emulator.adapter("google") as adapter:
        results = [
            await adapter.generate(GenerateRequest("gemini-3.8-flash", "Think.", reasoning_effort=effort))
            for effort in (ReasoningEffort.LOW, ReasoningEffort.HIGH)
        ]
    assert [result.usage.reasoning_tokens for result in results] == [6, 24]


async def test_openai_list_has_shutdown_dates_and_no_retired_models(emulator: RunningEmulator) -> None:
    models = await listed(emulator, "openai")
    assert set(models) == {"gpt-6-luna", "gpt-4o", "plain", "rerouted"}
    assert models["gpt-6-luna"] == ListedModel(
        "gpt-6-luna", created_at=datetime(2026, 3, 1, tzinfo=UTC), lifecycle=None
    )
    assert models["gpt-4o"].lifecycle == "deprecated"
    assert models["gpt-4o"].retires_at == date(2027, 1, 14)


async def test_anthropic_list_has_lifecycle_limits_and_capabilities(emulator: RunningEmulator) -> None:
    models = await listed(emulator, "anthropic")
    haiku = models["claude-haiku-5-5"]
    assert (haiku.display_name, haiku.lifecycle) == ("Claude Haiku 5.5", "active")
    assert (haiku.context_window_tokens, haiku.max_output_tokens) == (1_000_000, 128_000)
    assert haiku.capabilities == {
        Capability.IMAGE_ANALYSIS: True,
        Capability.STRUCTURED_OUTPUT: True,
        Capability.COMPLEX_REASONING: True,
    }
    assert models["plain"].capabilities[Capability.IMAGE_ANALYSIS] is False
    old = models["claude-sonnet-4-5"]
    assert (old.lifecycle, old.deprecated_at, old.retires_at) == (
        "deprecated",
        date(2026, 6, 30),
        date(2026, 11, 30),
    )
    assert models["claude-3-sonnet"].lifecycle == "retired"


async def test_google_list_goes_over_all_pages(emulator: RunningEmulator) -> None:
    models = await listed(emulator, "google")
    assert len([name for name in models if name.startswith("page-")]) == 105
    assert "gemini-2.0-flash" not in models
    flash = models["gemini-3.8-flash"]
    assert (flash.display_name, flash.context_window_tokens) == ("Gemini 3.8 Flash", 1_048_576)
    assert flash.capabilities[Capability.TEXT_GENERATION] is True


async def test_clarifai_list_goes_over_all_pages(emulator: RunningEmulator) -> None:
    models = await listed(emulator, "clarifai")
    assert len(models) == 207
    assert models["general-image-recognition"].capabilities == {
        Capability.IMAGE_ANALYSIS: True,
        Capability.TEXT_GENERATION: False,
    }


async def test_concept_model_gives_names_by_value_and_counts_an_operation(emulator: RunningEmulator) -> None:
    request = GenerateRequest("general-image-recognition", "The prompt is not sent.", images=(PHOTO,))
    async with emulator.adapter("clarifai") as adapter:
        result = await adapter.generate(request)
        with pytest.raises(BadRequest, match="does not stream"):
            await collect(adapter, request)
    assert json.loads(result.text) == ["beach", "sea", "sunset"]
    assert result.usage == TokenUsage(image_count=1, operations=1)
    assert result.confidence is not None
    assert 0.5 < result.confidence < 1


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_google_api_version_comes_from_the_base_url(emulator: RunningEmulator, version: str) -> None:
    paths: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        paths.append(request.url.path)
        return httpx2.Response(200, json={"models": []})

    credential = ProviderCredential("google", "key-0123456789", f"https://example.test/gate/{version}")
    async with open_google(credential, transport=httpx2.MockTransport(answer)) as adapter:
        assert await adapter.list_models() == []
    assert paths == [f"/gate/{version}/models"]


@pytest.mark.parametrize(
    ("credential", "concurrency", "message"),
    [
        (ProviderCredential("acme-ai", "key"), 1, "provider='acme-ai' has no adapter"),
        (ProviderCredential("openai", " "), 1, "key of provider openai is empty"),
        (ProviderCredential("openai", "key"), 0, "concurrency=0"),
    ],
)
async def test_wrong_credential_is_refused_with_the_remedy(
    credential: ProviderCredential, concurrency: int, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        async with open_adapter(credential, concurrency=concurrency):
            pass


def test_calls_are_counted_by_organization(emulator: RunningEmulator) -> None:
    before = emulator.control("GET", "calls")["total"]
    httpx2.get(f"{emulator.url}/openai/v1/models", headers={"Authorization": f"Bearer {KEYS['openai']}"})
    httpx2.get(f"{emulator.url}/openai/v1/models", headers={"Authorization": f"Bearer {CONTROL}"})
    calls = emulator.control("GET", "calls")
    assert calls["total"] == before + 2
    lists = {(c["organization"], c["status"]) for c in calls["calls"] if c["provider"] == "openai"}
    assert {("acme", 200), ("", 401)} <= lists
