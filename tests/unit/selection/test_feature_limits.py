"""What a feature's settings limit: the cost of a request, the month's budget, requests a minute, and trials' ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from adaptive_support import (
    ACME,
    FLASH,
    HAIKU,
    IDS,
    LUNA,
    NOW,
    ListPrices,
    chat,
    holder,
    service,
    trial,
)
from emulator_support import RunningEmulator

from modelscout.core.errors import SpendLimitReached
from modelscout.selection import BudgetUsedUp, CostLimitReached, FeatureLimitReached, ModelSelector, Workload
from modelscout.selection.request import ignored_of
from modelscout.selection.spend import MOST_SLOTS, OwnSpend

DEAR_LUNA = {LUNA: 20.0, HAIKU: 1.0}
LARGE, SMALL, UNKNOWN = (Workload(input_tokens=n) for n in (8_000, 100, None))
"""At 20 dollars for a million tokens with their answers: $0.2, $0.0025, nobody knows."""


def selector(*order: str, **more: object) -> ModelSelector:
    return ModelSelector(holder(*order, **more), clock=NOW.timestamp)  # type: ignore[arg-type]


# The cost of a request


def test_a_model_above_the_limit_on_cost_is_no_option_and_the_reason_is_said() -> None:
    found = selector(LUNA, HAIKU, limits={"max_cost_per_request_usd": 0.1}, usd_per_million_tokens=DEAR_LUNA)
    for workload in (SMALL, UNKNOWN):
        assert found.select("acme", "chat", workload).choice.name == LUNA
    large = found.select("acme", "chat", LARGE)
    assert (large.choice.name, large.fallbacks) == (HAIKU, ())
    assert "it would cost about $0.2, above limits.max_cost_per_request_usd=0.1" in str(large.passed_over)
    assert f"{LUNA} would cost about $0.2" in large.explain()


def test_a_price_that_nobody_knows_may_be_above_the_limit() -> None:
    found = selector(
        LUNA, HAIKU, limits={"max_cost_per_request_usd": 0.1}, usd_per_million_tokens={HAIKU: 1.0}
    )
    assert found.select("acme", "chat", SMALL).choice.name == HAIKU


def test_where_no_model_is_cheap_enough_the_error_names_the_setting() -> None:
    found = selector(LUNA, limits={"max_cost_per_request_usd": 0.1}, usd_per_million_tokens={LUNA: 20.0})
    with pytest.raises(
        CostLimitReached, match=r"limits\.max_cost_per_request_usd=0\.1 .*raise the limit"
    ) as hit:
        found.select("acme", "chat", LARGE)
    assert isinstance(hit.value, SpendLimitReached)


# The month's budget


def test_own_spend_counts_at_once_and_until_the_database_has_counted_it() -> None:
    before = NOW - timedelta(minutes=5)
    more = {"usd_per_million_tokens": DEAR_LUNA, "budget_left_usd": "1", "proven": HAIKU.partition("/")[2]}
    found = selector(LUNA, HAIKU, counted_until_s=before.timestamp(), **more)
    found.spend.add(ACME, "chat", Decimal(5), (before - timedelta(minutes=1)).timestamp())
    found.spend.add(ACME, "chat", Decimal("0.9"), NOW.timestamp())
    found.spend.add("somebody", "chat", Decimal(5), NOW.timestamp())
    assert found.select("acme", "chat").choice.name == LUNA
    found.spend.add(ACME, "chat", Decimal("0.1"), NOW.timestamp())
    over = found.select("acme", "chat")
    assert over.choice.name == HAIKU
    assert "the month's budget is used up" in over.explain()
    counted = selector(LUNA, HAIKU, counted_until_s=NOW.timestamp() + 60, **more)
    counted.spend.add(ACME, "chat", Decimal(9), NOW.timestamp())
    assert counted.select("acme", "chat").choice.name == LUNA


def test_what_was_spent_last_month_is_not_this_months() -> None:
    spend = OwnSpend()
    spend.add(ACME, "chat", Decimal(3), datetime(2026, 11, 30, 23, 59, 40, tzinfo=UTC).timestamp())
    spend.add(ACME, "chat", Decimal(2), datetime(2026, 12, 1, 0, 0, 5, tzinfo=UTC).timestamp())
    assert spend.since(ACME, "chat", 0.0, datetime(2026, 12, 1, 1, tzinfo=UTC).timestamp()) == 2


def test_own_spend_is_kept_whole_in_bounded_memory() -> None:
    spend = OwnSpend()
    for n in range(MOST_SLOTS + 500):
        spend.add(ACME, "chat", Decimal(1), NOW.timestamp() + 10 * n)
    assert spend.since(ACME, "chat", 0.0, NOW.timestamp()) == MOST_SLOTS + 500
    [kept] = spend._features.values()
    assert len(kept.slots) <= MOST_SLOTS


async def test_the_services_own_calls_use_the_budget_up(emulator: RunningEmulator) -> None:
    snapshot = holder(LUNA, budget_left_usd="0.00001")
    async with service(emulator, snapshot, prices=ListPrices(openai="1"), clock=lambda: NOW) as adaptive:
        first = await adaptive.process(chat(stop_over_budget=True))
        assert first.cost_usd is not None
        assert first.cost_usd > Decimal("0.00001")
        with pytest.raises(BudgetUsedUp, match="monthly budget"):
            await adaptive.process(chat(stop_over_budget=True))


# Requests a minute


async def test_the_limit_on_requests_is_divided_by_the_processes(emulator: RunningEmulator) -> None:
    snapshot = holder(LUNA, limits={"max_requests_per_minute": 6})
    async with service(emulator, snapshot) as adaptive:
        await adaptive.process(chat())
        snapshot.processes = 3
        # Of the six, two are this process's: what it took before stays taken.
        await adaptive.process(chat())
        await adaptive.process(chat())
        with pytest.raises(FeatureLimitReached, match=r"=6 of chat of acme, divided by 3 processes,"):
            await adaptive.process(chat())


# A trial


async def test_a_trial_ends_where_its_candidate_was_tried_and_the_verdict_is_to_keep(
    emulator: RunningEmulator,
) -> None:
    for settled, goes_on in ((IDS[FLASH], False), (IDS[HAIKU], True)):
        snapshot = holder(LUNA, HAIKU, settled=settled)
        async with service(emulator, snapshot, trials=[trial()], clock=lambda: NOW) as adaptive:
            result = await adaptive.process(chat())
            assert (result.experiment_id is not None) == goes_on


# Parameters


def test_what_a_model_does_not_take_of_what_is_configured_is_named() -> None:
    parameters = {"temperature": 0.2, "max_tokens": 7, "thinking_budget_tokens": 9, "reasoning_effort": "low"}
    choice = selector(LUNA, parameters=parameters).select("acme", "chat").choice
    assert ignored_of(choice) == ("temperature", "thinking_budget_tokens")
    taker = replace(choice, model="gpt-4o")
    assert ignored_of(taker) == ("thinking_budget_tokens",)
    call = chat().call_of(taker, 1.0, 0.0)
    assert (call.temperature, call.max_output_tokens, call.reasoning_effort) == (0.2, 7, "low")
