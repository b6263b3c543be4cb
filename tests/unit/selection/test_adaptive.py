"""The adaptive service against the emulator: what the caller gets, and what is recorded of it."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from adaptive_support import (
    ACME,
    FLASH,
    HAIKU,
    LUNA,
    NOW,
    PLAIN,
    ListPrices,
    Sink,
    chat,
    holder,
    keys_at,
    service,
    trial,
)
from emulator_support import PHOTO, RunningEmulator

from modelscout.core.errors import ConfigurationError, SpendLimitReached
from modelscout.core.secrets import ProviderCredential
from modelscout.providers.protocol import Tool
from modelscout.selection import (
    AdaptiveOptions,
    AdaptiveService,
    BudgetUsedUp,
    FeatureLimitReached,
    ModelSelector,
    NoModelAvailable,
    NotAnswered,
    Standing,
    Workload,
)

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


async def test_the_model_in_use_answers_and_is_recorded(emulator: RunningEmulator) -> None:
    sink = Sink()
    prices = ListPrices(openai="1", anthropic="1")
    async with service(emulator, holder(LUNA, HAIKU), sink=sink, prices=prices) as adaptive:
        result = await adaptive.process(chat(request_id="r1", item_key="i1", user_hash="u1"))
    assert result.text.startswith("1, 2, 3")
    assert (result.choice.name, result.is_fallback) == (LUNA, False)
    [event] = sink.events
    assert (event.organization_id, event.request_id, event.attempt) == (ACME, "r1", 1)
    assert (event.item_key, event.user_hash, event.error_type, event.simulated) == ("i1", "u1", None, True)
    tokens = event.input_tokens + event.output_tokens
    assert result.cost_usd == Decimal(tokens) / 1_000_000
    assert event.workload["urgency"] == "near-real-time"


async def test_another_provider_answers_where_one_fails_and_both_are_recorded(
    emulator: RunningEmulator,
) -> None:
    sink = Sink()
    emulator.fault(provider="openai", kind="http", status=503)
    async with service(emulator, holder(LUNA, HAIKU), sink=sink) as adaptive:
        result = await adaptive.process(chat())
    assert (result.choice.name, result.is_fallback) == (HAIKU, True)
    assert [(e.attempt, e.provider, e.error_type) for e in sink.events] == [
        (1, "openai", "provider_unavailable"),
        (2, "anthropic", None),
    ]
    assert "ended with provider_unavailable" in result.explain()
    assert result.cost_usd is None, "nobody knows what the failed call cost"


async def test_the_circuit_of_a_failing_model_opens_and_closes_by_one_call(emulator: RunningEmulator) -> None:
    emulator.fault(provider="openai", kind="http", status=503, times=5)
    async with service(emulator, holder(LUNA, HAIKU)) as adaptive:
        for _ in range(5):
            await adaptive.process(chat())
        after = await adaptive.process(chat())
        states = adaptive.states
        state = states.of(ACME, "openai", "gpt-6-luna")
        assert after.attempts[0].choice.name == HAIKU
        assert state.standing(states.clock()) is Standing.DOWN
        state.open_until = 0.0
        assert (await adaptive.process(chat())).choice.name == LUNA
        assert state.failures == 0


async def test_an_open_circuit_is_left_alone_while_another_model_may_recover(
    emulator: RunningEmulator,
) -> None:
    emulator.fault(provider="openai", kind="http", status=404, times=2)
    emulator.fault(provider="anthropic", kind="http", status=503, times=2)
    sink = Sink()
    async with service(emulator, holder(LUNA, HAIKU), sink=sink) as adaptive:
        assert (await adaptive.process(chat())).choice.name == HAIKU
        emulator.fault(provider="anthropic", kind="http", status=503, times=1)
        assert (await adaptive.process(chat())).choice.name == HAIKU
    assert [e.provider for e in sink.events].count("openai") == 1


async def test_an_open_circuit_is_tried_where_nothing_else_is_left(emulator: RunningEmulator) -> None:
    async with service(emulator, holder(LUNA, HAIKU)) as adaptive:
        clock = adaptive.states.clock
        adaptive.states.of(ACME, "openai", "gpt-6-luna").failed("model_not_found", clock())
        emulator.fault(provider="anthropic", kind="http", status=404, times=9)
        assert (await adaptive.process(chat())).choice.name == LUNA


async def test_an_answer_to_an_older_call_does_not_close_the_circuit(emulator: RunningEmulator) -> None:
    emulator.fault(provider="openai", kind="delay", delay_ms=400)
    emulator.fault(provider="openai", kind="http", status=404, times=9)
    async with service(emulator, holder(LUNA, HAIKU)) as adaptive:
        older = asyncio.create_task(adaptive.process(chat()))
        await asyncio.sleep(0.1)
        await adaptive.process(chat())
        assert (await older).choice.name == LUNA
        assert len((await adaptive.process(chat())).attempts) == 1, "nobody asks the model that is gone"


async def test_another_organization_is_not_held_back_by_the_first_ones_failures(
    emulator: RunningEmulator,
) -> None:
    emulator.fault(provider="openai", kind="http", status=401, times=1)
    async with service(emulator, holder(LUNA, HAIKU)) as adaptive:
        await adaptive.process(chat())
        states = adaptive.states
        assert states.of(ACME, "openai", "gpt-6-luna").standing(states.clock()) is Standing.DOWN
        assert states.of("other", "openai", "gpt-6-luna").standing(states.clock()) is Standing.READY


@pytest.mark.parametrize(
    ("fault", "may_repeat"),
    [
        ({"kind": "http", "status": 503}, False),
        ({"kind": "malformed"}, False),
        ({"kind": "delay", "delay_ms": 900}, False),
        ({"kind": "http", "status": 429, "retry_after_s": 60}, True),
        ({"kind": "http", "status": 404}, True),
        ({"kind": "http", "status": 401}, True),
    ],
)
async def test_what_must_not_be_repeated_is_asked_again_only_after_a_refusal(
    emulator: RunningEmulator, fault: dict[str, object], may_repeat: bool
) -> None:
    emulator.fault(provider="openai", **fault)
    sink = Sink()
    async with service(emulator, holder(LUNA, HAIKU), sink=sink) as adaptive:
        request = chat(repeatable=False, deadline_s=0.6)
        if may_repeat:
            assert (await adaptive.process(request)).choice.name == HAIKU
        else:
            with pytest.raises(NotAnswered) as caught:
                await adaptive.process(request)
            assert caught.value.may_have_run
            assert len(sink.events) == len(caught.value.attempts) == 1


async def test_a_call_that_never_left_may_be_made_elsewhere(emulator: RunningEmulator) -> None:
    working = keys_at(emulator.url)

    def keys(organization_id: str, provider: str) -> ProviderCredential | None:
        if provider == "openai":
            return ProviderCredential("openai", "sk-nobody", "http://127.0.0.1:9")
        return working(organization_id, provider)

    sink = Sink()
    async with service(emulator, holder(LUNA, HAIKU), sink=sink, keys=keys) as adaptive:
        assert (await adaptive.process(chat(repeatable=False))).choice.name == HAIKU
    assert [e.provider for e in sink.events] == ["anthropic"], "what was never sent is no call"


@pytest.mark.parametrize(
    "needs",
    [
        {"images": (PHOTO,)},
        {"json_schema": SCHEMA},
        {"tools": (Tool("weather", "Tells the weather.", SCHEMA),)},
    ],
)
async def test_a_model_that_cannot_do_what_is_asked_is_no_fallback(
    emulator: RunningEmulator, needs: dict[str, object]
) -> None:
    emulator.fault(provider="openai", model="gpt-6-luna", kind="http", status=503, times=10)
    async with service(emulator, holder(LUNA, PLAIN)) as adaptive:
        assert (await adaptive.process(chat())).choice.name == PLAIN
        with pytest.raises(NotAnswered):
            await adaptive.process(chat(deadline_s=0.4, **needs))
    async with service(emulator, holder(PLAIN)) as adaptive:
        with pytest.raises(NoModelAvailable):
            await adaptive.process(chat(organization=ACME, **needs, workload=Workload(accuracy="critical")))


async def test_a_limit_that_is_used_up_sends_requests_elsewhere_without_waiting(
    emulator: RunningEmulator,
) -> None:
    emulator.fault(provider="openai", kind="http", status=429, retry_after_s=5)
    async with service(emulator, holder(LUNA, HAIKU)) as adaptive:
        results = [await adaptive.process(chat()) for _ in range(3)]
        # Another organization with the same key: its model has not failed, and the key's limit is known all the same.
        adaptive.states.of(ACME, "openai", "gpt-6-luna").limited_until = 0.0
        results.append(await adaptive.process(chat()))
    assert [r.choice.name for r in results] == [HAIKU] * 4
    assert [len(r.attempts) for r in results] == [2, 1, 1, 1]


async def test_everybody_waits_as_long_as_the_only_vendor_wishes(emulator: RunningEmulator) -> None:
    emulator.fault(provider="openai", kind="http", status=429, retry_after_s=1)
    async with service(emulator, holder(LUNA, HAIKU)) as adaptive:
        emulator.fault(provider="anthropic", kind="http", status=404, times=9)
        result = await adaptive.process(chat(deadline_s=5))
    assert (result.choice.name, result.attempts[-1].error_type) == (LUNA, None)
    assert 900 < result.duration_ms < 3000
    assert result.own_ms < 500


async def test_the_deadline_holds_whatever_hangs(emulator: RunningEmulator) -> None:
    for provider in ("openai", "anthropic"):
        emulator.fault(provider=provider, kind="delay", delay_ms=3000, times=5)
    loop = asyncio.get_running_loop()
    async with service(emulator, holder(LUNA, HAIKU)) as adaptive:
        began = loop.time()
        with pytest.raises(NotAnswered) as caught:
            await adaptive.process(chat(deadline_s=1.5))
    assert loop.time() - began < 2.5
    assert caught.value.error_type == "provider_unavailable"
    assert len(caught.value.attempts) >= 2, "the first call leaves time for another model"


async def test_a_hedged_request_takes_the_first_answer_and_ends_the_other(emulator: RunningEmulator) -> None:
    emulator.fault(provider="openai", kind="delay", delay_ms=3000)
    sink = Sink()
    async with service(emulator, holder(LUNA, HAIKU), sink=sink) as adaptive:
        result = await adaptive.process(chat(hedge_after_s=0.1))
        assert (result.choice.name, result.duration_ms < 1500) == (HAIKU, True)
        assert adaptive.states.of(ACME, "openai", "gpt-6-luna").in_flight == 0
    assert {(e.attempt, e.provider, e.error_type) for e in sink.events} == {
        (1, "openai", "canceled"),
        (2, "anthropic", None),
    }
    assert len(result.attempts) == 2
    with pytest.raises(ConfigurationError, match="repeatable"):
        chat(hedge_after_s=0.1, repeatable=False)


async def test_a_caller_that_goes_away_leaves_a_record_and_no_call_under_way(
    emulator: RunningEmulator,
) -> None:
    emulator.fault(provider="openai", kind="delay", delay_ms=3000)
    sink = Sink()
    async with service(emulator, holder(LUNA, HAIKU), sink=sink) as adaptive:
        task = asyncio.create_task(adaptive.process(chat()))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert adaptive.states.of(ACME, "openai", "gpt-6-luna").in_flight == 0
    assert [e.error_type for e in sink.events] == ["canceled"]


async def test_a_limit_on_cost_leaves_out_what_is_dearer_or_of_unknown_price(
    emulator: RunningEmulator,
) -> None:
    request = chat(max_cost_usd=Decimal("0.01"))
    prices = ListPrices(openai="1000", google="1")
    async with service(emulator, holder(LUNA, HAIKU, FLASH), prices=prices) as adaptive:
        assert (await adaptive.process(request)).choice.name == FLASH
    async with service(emulator, holder(LUNA, HAIKU)) as adaptive:
        with pytest.raises(SpendLimitReached, match="unknown price"):
            await adaptive.process(request)
    limits = {"max_cost_per_request_usd": 0.01}
    async with service(emulator, holder(LUNA, HAIKU, limits=limits), prices=prices) as adaptive:
        with pytest.raises(SpendLimitReached):
            await adaptive.process(chat())


async def test_what_nobody_knows_the_cost_of_counts_with_its_worst_case(emulator: RunningEmulator) -> None:
    emulator.fault(provider="openai", kind="http", status=503, times=9)
    prices = ListPrices(openai="6", google="6")
    async with service(emulator, holder(LUNA, FLASH), prices=prices) as adaptive:
        # Room for one call of 1,024 tokens out and about 408 in, and not for two.
        with pytest.raises(NotAnswered) as caught:
            await adaptive.process(chat(max_cost_usd=Decimal("0.012")))
        assert len(caught.value.attempts) == 1
        assert (await adaptive.process(chat(max_cost_usd=Decimal("0.03")))).choice.name == FLASH


async def test_budget_and_rate_of_the_feature_are_kept(emulator: RunningEmulator) -> None:
    async with service(emulator, holder(LUNA, over_budget=True)) as adaptive:
        assert (await adaptive.process(chat())).choice.name == LUNA
        with pytest.raises(BudgetUsedUp):
            await adaptive.process(chat(stop_over_budget=True))
    async with service(emulator, holder(LUNA, limits={"max_requests_per_minute": 2})) as adaptive:
        await adaptive.process(chat())
        await adaptive.process(chat())
        with pytest.raises(FeatureLimitReached) as caught:
            await adaptive.process(chat())
        assert 0 < caught.value.retry_after_s <= 30


async def test_what_is_configured_is_used_and_what_cannot_be_is_named(emulator: RunningEmulator) -> None:
    parameters = {"temperature": 0.2, "max_output_tokens": 5}
    async with service(emulator, holder(LUNA, parameters=parameters)) as adaptive:
        cut = await adaptive.process(chat())
        whole = await adaptive.process(chat(max_output_tokens=500))
    assert cut.ignored_parameters == ("temperature",)
    assert cut.answer.finish_reason == "length"
    assert whole.answer.finish_reason == "stop"


async def test_a_key_that_is_missing_or_cannot_be_resolved_is_no_outage(emulator: RunningEmulator) -> None:
    working = keys_at(emulator.url)

    def none(organization_id: str, provider: str) -> ProviderCredential | None:
        return None if provider == "openai" else working(organization_id, provider)

    def broken(organization_id: str, provider: str) -> ProviderCredential | None:
        if provider == "openai":
            raise RuntimeError("the vault says sk-secret")
        return working(organization_id, provider)

    for keys in (none, broken):
        async with service(emulator, holder(LUNA, HAIKU), keys=keys) as adaptive:
            assert (await adaptive.process(chat())).choice.name == HAIKU

    def away(_organization_id: str, _provider: str) -> ProviderCredential | None:
        raise RuntimeError("the vault says sk-secret")

    async with service(emulator, holder(LUNA, HAIKU), keys=away) as adaptive:
        with pytest.raises(NotAnswered) as caught:
            await adaptive.process(chat(deadline_s=0.3))
        assert caught.value.attempts == ()
        assert "sk-secret" not in str(caught.value)


async def test_switching_the_model_under_load_breaks_nothing(emulator: RunningEmulator) -> None:
    kept = holder(LUNA, HAIKU)
    async with service(emulator, kept) as adaptive:

        async def ask() -> tuple[str, str]:
            result = await adaptive.process(chat(json_schema=SCHEMA, prompt="How many?"))
            return result.choice.name, result.text

        before = [asyncio.create_task(ask()) for _ in range(20)]
        await asyncio.sleep(0.02)
        kept.snapshot = holder(FLASH, HAIKU).snapshot
        after = [asyncio.create_task(ask()) for _ in range(20)]
        answers = await asyncio.gather(*before, *after)
    assert {name for name, _ in answers} == {LUNA, FLASH}
    assert {name for name, _ in answers[20:]} == {FLASH}
    assert {text.replace(" ", "") for _, text in answers} == {'{"n":0}'}


def test_threads_share_one_service(emulator: RunningEmulator) -> None:
    sink = Sink()
    selector = ModelSelector(holder(LUNA, HAIKU), clock=NOW.timestamp)
    with (
        AdaptiveService(selector, keys_at(emulator.url), AdaptiveOptions(usage=sink)) as adaptive,
        ThreadPoolExecutor(8) as threads,
    ):
        names = list(threads.map(lambda _: adaptive.process(chat()).choice.name, range(24)))
    assert names == [LUNA] * 24
    assert len({e.request_id for e in sink.events}) == 24
    with pytest.raises(RuntimeError, match="closed"):
        adaptive.process(chat())


async def test_a_trial_logs_the_chance_and_sends_its_share(emulator: RunningEmulator) -> None:
    sink = Sink()
    options = {"trials": [trial()], "rng": random.Random(7), "sink": sink}
    async with service(emulator, holder(LUNA, HAIKU), **options) as adaptive:  # type: ignore[arg-type]
        results = [await adaptive.process(chat()) for _ in range(120)]
    candidates = [r for r in results if r.choice.name == FLASH]
    assert 12 <= len(candidates) <= 36
    assert "chance gave it this request of trial flash-2026-11" in candidates[0].explain()
    assert {(r.choice.name, r.propensity) for r in results} == {
        (FLASH, Decimal("0.2")),
        (LUNA, Decimal("0.8")),
    }
    assert {e.experiment_id for e in sink.events} == {"flash-2026-11"}
    assert {(e.provider, e.propensity) for e in sink.events} == {
        ("google", Decimal("0.2")),
        ("openai", Decimal("0.8")),
    }


async def test_a_key_keeps_its_model_and_names_its_unit(emulator: RunningEmulator) -> None:
    sink = Sink()
    async with service(emulator, holder(LUNA, HAIKU), sink=sink, trials=[trial()]) as adaptive:
        names = {
            (await adaptive.process(chat(trial_key=f"user-{n % 20}"))).choice.name + f" {n % 20}"
            for n in range(60)
        }
    assert len(names) == 20
    assert {name.split()[0] for name in names} == {LUNA, FLASH}
    assert len({e.workload["trial_unit"] for e in sink.events}) == 20
    assert not any("user-" in str(e.workload) for e in sink.events)


async def test_only_the_first_attempt_of_a_trial_is_evidence(emulator: RunningEmulator) -> None:
    emulator.fault(provider="openai", kind="http", status=503, times=99)
    emulator.fault(provider="google", kind="http", status=503, times=99)
    emulator.fault(provider="anthropic", kind="http", status=503)
    sink = Sink()
    async with service(emulator, holder(LUNA, HAIKU), sink=sink, trials=[trial()]) as adaptive:
        result = await adaptive.process(chat())
    assert result.choice.name == HAIKU
    # A second round asked the first model again.
    assert [e.experiment_id for e in sink.events[:6]] == ["flash-2026-11", None, None, None, None, None]


async def test_a_trial_ends_where_it_is_settled_or_would_not_be_fair(emulator: RunningEmulator) -> None:
    flash = FLASH.partition("/")[2]
    cases = {
        "proven": (holder(LUNA, HAIKU, proven=flash), trial(), {}),
        "in use": (holder(FLASH, HAIKU), trial(), {}),
        "over": (holder(LUNA, HAIKU), trial(ends_at=NOW), {}),
        "budget": (holder(LUNA, HAIKU, over_budget=True), trial(), {}),
        "critical": (holder(LUNA, HAIKU), trial(), {"workload": Workload(accuracy="critical")}),
        "unable": (holder(LUNA, HAIKU), trial(candidate=PLAIN), {"json_schema": SCHEMA}),
        "hedged": (holder(LUNA, HAIKU), trial(), {"hedge_after_s": 5.0}),
        "unknown": (holder(LUNA, HAIKU), trial(candidate="openai/nobody"), {}),
        "elsewhere": (holder(LUNA, HAIKU), trial(organization="globex"), {}),
    }
    for name, (snapshot, declared, more) in cases.items():
        async with service(emulator, snapshot, trials=[declared], clock=lambda: NOW) as adaptive:
            assert (await adaptive.process(chat(**more))).experiment_id is None, name
    async with service(emulator, holder(LUNA, HAIKU), trials=[trial()]) as adaptive:
        adaptive.states.of(ACME, "google", flash).failed("authentication_failed", adaptive.states.clock())
        assert (await adaptive.process(chat())).experiment_id is None, "the candidate is down"
    prices = ListPrices(openai="1", google="1000")
    async with service(emulator, holder(LUNA, HAIKU), trials=[trial()], prices=prices) as adaptive:
        assert (await adaptive.process(chat())).experiment_id is not None
        assert (await adaptive.process(chat(max_cost_usd=Decimal("0.01")))).experiment_id is None
    for share in ("0.04", "0.6"):
        with pytest.raises(ConfigurationError, match="share"):
            trial(share=Decimal(share))
