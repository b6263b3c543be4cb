"""Batches through the vendors' real SDKs, over HTTP from the emulator."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from emulator_support import ANSWERS, LLM_PROVIDERS, MODELS, PHOTO, PROFILE, RunningEmulator

from emulator_thread import served
from modelscout.core.errors import (
    BadRequest,
    ConfigurationError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from modelscout.emulator.answers import AnswerKey, parse_answer
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import parse_profile
from modelscout.providers.batch import Batches, BatchItem, BatchState, SentItem, batches_of
from modelscout.providers.protocol import GenerateRequest, GenerateResult, ProviderAdapter, Tool

NAME = "modelscout-0123456789abcdef0123456789abcdef"
SINCE = datetime(2026, 11, 23, 12, tzinfo=UTC)
"""The emulator's time, at which every batch is made."""
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "pieces": {"type": "integer"}},
    "required": ["name", "pieces"],
}
WEATHER = Tool(
    "weather", "Weather of a city.", {"type": "object", "properties": {"city": {"type": "string"}}}
)

providers = pytest.mark.parametrize("provider", LLM_PROVIDERS)


@pytest.fixture
def vendor() -> Iterator[RunningEmulator]:
    """An emulator of this test alone, whose batches end at once unless told otherwise."""
    profile = parse_profile(copy.deepcopy(PROFILE) | {"batch_ms": 0})
    with served(create_app(profile, AnswerKey([parse_answer(item) for item in ANSWERS]))) as url:
        yield RunningEmulator(url)


def items(provider: str, count: int = 4) -> list[BatchItem]:
    return [
        BatchItem(f"{NAME}-{number}", GenerateRequest(MODELS[provider], "Count to twelve."))
        for number in range(count)
    ]


def api(adapter: ProviderAdapter) -> Batches:
    found = batches_of(adapter)
    assert found is not None
    return found


async def results(
    batches: Batches, batch_id: str, sent: list[BatchItem]
) -> dict[str, GenerateResult | ProviderError]:
    asked = {item.item_id: SentItem(item.request.model, len(item.request.images)) for item in sent}
    found = [result async for result in batches.results(batch_id, asked)]
    assert sorted(result.item_id for result in found) == sorted(asked), "one result an item"
    return {result.item_id.removeprefix(f"{NAME}-"): result.outcome for result in found}


async def ended(batches: Batches, batch_id: str) -> None:
    async with asyncio.timeout(20):
        while (await batches.status(batch_id)).state is not BatchState.ENDED:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def kinds(found: dict[str, GenerateResult | ProviderError]) -> dict[str, str]:
    return {
        key: outcome.error_type if isinstance(outcome, ProviderError) else "answered"
        for key, outcome in sorted(found.items())
    }


@providers
async def test_what_comes_in_a_batch_is_what_comes_live_less_the_time(
    vendor: RunningEmulator, provider: str
) -> None:
    requests = [
        GenerateRequest(MODELS[provider], "Count to twelve.", system="Be brief."),
        GenerateRequest(MODELS[provider], "Tag the photo.", images=(PHOTO,)),
        GenerateRequest(MODELS[provider], "Give name and pieces.", json_schema=SCHEMA),
        GenerateRequest(MODELS[provider], "Weather in Oslo?", tools=(WEATHER,)),
    ]
    sent = [BatchItem(f"{NAME}-{n}", request) for n, request in enumerate(requests)]
    async with vendor.adapter(provider) as adapter:
        batches = api(adapter)
        batch = await batches.submit(NAME, sent)
        status = await batches.status(batch.batch_id)
        assert (status.state, status.total, status.succeeded, status.failed) == (BatchState.ENDED, 4, 4, 0)
        found = await results(batches, batch.batch_id, sent)
        for number, request in enumerate(requests):
            live, batched = await adapter.generate(request), found[str(number)]
            assert isinstance(batched, GenerateResult)
            assert batched.duration_ms is None
            for name in ("text", "finish_reason", "usage", "requested_model", "served_model", "tool_calls"):
                assert getattr(batched, name) == getattr(live, name), name
    calls = vendor.control("GET", "calls")["calls"]
    counted = {entry["batch"]: entry["count"] for entry in calls if entry["model"] == MODELS[provider]}
    assert counted == {True: 4, False: 4}


@providers
async def test_an_item_that_fails_is_its_own_error_and_spoils_no_other(
    vendor: RunningEmulator, provider: str
) -> None:
    for status in (400, 429, 503):
        vendor.fault(provider=provider, kind="http", status=status, operation="batch_item")
    vendor.fault(provider=provider, kind="missing", operation="batch_item")
    sent = items(provider, 6)
    async with vendor.adapter(provider) as adapter:
        batches = api(adapter)
        batch = await batches.submit(NAME, sent)
        found = await results(batches, batch.batch_id, sent)
    assert kinds(found) == {
        "0": "bad_request",
        "1": "rate_limited",
        "2": "provider_unavailable",
        "3": "provider_unavailable",
        "4": "answered",
        "5": "answered",
    }
    refused, limited, missing = found["0"], found["1"], found["3"]
    assert isinstance(refused, BadRequest)
    assert isinstance(limited, RateLimited)
    assert isinstance(missing, ProviderUnavailable)
    assert missing.code == "batch_item_missing"


@providers
async def test_what_expires_or_is_canceled_is_said_item_by_item(
    vendor: RunningEmulator, provider: str
) -> None:
    sent = items(provider)
    async with vendor.adapter(provider) as adapter:
        batches = api(adapter)
        vendor.control("PUT", "profile", batch_ms=400, batch_expires_ms=200)
        expiring = await batches.submit(NAME, sent)
        await ended(batches, expiring.batch_id)
        half = await results(batches, expiring.batch_id, sent)
        vendor.control("PUT", "profile", batch_ms=600_000, batch_expires_ms=86_400_000)
        stopped = await batches.submit(NAME, sent)
        assert (await batches.status(stopped.batch_id)).state is BatchState.PROCESSING
        await batches.cancel(stopped.batch_id)
        await ended(batches, stopped.batch_id)
        none = await results(batches, stopped.batch_id, sent)
    assert kinds(half) == {
        "0": "answered", "1": "answered", "2": "provider_unavailable", "3": "provider_unavailable",
    }  # fmt: skip
    assert {getattr(half[key], "code", None) for key in ("2", "3")} == {"batch_expired"}
    assert set(kinds(none).values()) == {"provider_unavailable"}
    codes = {getattr(outcome, "code", None) for outcome in none.values()}
    assert codes <= {"batch_canceled", "batch_cancelled"}
    assert all(isinstance(outcome, ProviderError) and outcome.retryable for outcome in none.values())


@providers
@pytest.mark.parametrize("pages", [0, 105])
async def test_a_batch_whose_acceptance_got_lost_is_found_again(
    vendor: RunningEmulator, provider: str, pages: int
) -> None:
    sent = items(provider, 3)
    async with vendor.adapter(provider) as adapter:
        batches = api(adapter)
        assert await batches.find(NAME, items=3, since=SINCE) == (None, True)
        vendor.fault(provider=provider, kind="malformed", operation="batch")
        with pytest.raises(ProviderError) as lost:
            await batches.submit(NAME, sent)
        assert lost.value.status is None
        for number in range(pages):
            other = f"modelscout-other{number}"
            await batches.submit(other, [BatchItem(f"{other}-0", sent[0].request)])
        found = await batches.find(NAME, items=3, since=SINCE)
        assert found.batch is not None
        assert set(kinds(await results(batches, found.batch.batch_id, sent)).values()) == {"answered"}
        assert await batches.find("modelscout-never", items=3, since=SINCE) == (None, True)
        assert await batches.find(NAME, items=3, since=SINCE + timedelta(days=1)) in {
            (None, True), (found.batch, True),
        }  # fmt: skip


async def test_anthropic_tells_batches_apart_only_once_they_have_ended(vendor: RunningEmulator) -> None:
    async with vendor.adapter("anthropic") as adapter:
        batches = api(adapter)
        vendor.control("PUT", "profile", batch_ms=600_000)
        batch = await batches.submit(NAME, items("anthropic", 3))
        assert await batches.find(NAME, items=3, since=SINCE) == (None, False)
        assert await batches.find(NAME, items=4, since=SINCE) == (None, True)
        await batches.cancel(batch.batch_id)
        found = await batches.find(NAME, items=3, since=SINCE)
        assert found.batch is not None
        assert found.batch.batch_id == batch.batch_id


@providers
async def test_a_refused_submission_says_so_with_its_status(vendor: RunningEmulator, provider: str) -> None:
    async with vendor.adapter(provider) as adapter:
        batches = api(adapter)
        vendor.fault(provider=provider, kind="http", status=403, operation="batch")
        with pytest.raises(ProviderError) as refused:
            await batches.submit(NAME, items(provider))
        assert refused.value.status == 403
        assert (await batches.find(NAME, items=4, since=SINCE)).batch is None
        with pytest.raises(ConfigurationError, match="with ids from"):
            await batches.submit("modelscout-another", items(provider))


async def test_too_many_items_fail_at_openai_in_the_batch_and_elsewhere_at_once(
    vendor: RunningEmulator,
) -> None:
    vendor.control("PUT", "profile", batch_items=3)
    for provider in LLM_PROVIDERS:
        sent = items(provider)
        async with vendor.adapter(provider) as adapter:
            batches = api(adapter)
            if provider == "openai":
                batch = await batches.submit(NAME, sent)
                found = await results(batches, batch.batch_id, sent)
                assert {getattr(o, "code", None) for o in found.values()} == {"request_limit_exceeded"}
            else:
                with pytest.raises(BadRequest):
                    await batches.submit(NAME, sent)


@providers
async def test_a_discarded_batch_leaves_nothing_at_the_vendor(vendor: RunningEmulator, provider: str) -> None:
    sent = items(provider)
    async with vendor.adapter(provider) as adapter:
        batches = api(adapter)
        batch = await batches.submit(NAME, sent)
        await results(batches, batch.batch_id, sent)
        await batches.discard(batch.batch_id)
        with pytest.raises(ProviderError):
            await results(batches, batch.batch_id, sent)


@pytest.mark.parametrize("provider", ["clarifai", "openai_compatible"])
async def test_who_has_no_batches_says_so(emulator: RunningEmulator, provider: str) -> None:
    async with emulator.adapter(provider) as adapter:
        assert batches_of(adapter) is None


def test_an_adapter_that_knows_nothing_of_batches_has_none() -> None:
    other: Any = object()
    assert batches_of(other) is None
