"""Benchmark runs on real Postgres, with a vendor in memory."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from benchmark_support import (
    ACME,
    BLOOM,
    CASES,
    CHAT,
    MODELS,
    NOW,
    SETTINGS,
    Vendor,
    add_samples,
    create_run,
    credentials,
    rows,
    run_all,
    verify,
)
from sqlalchemy import Engine, text

from modelscout.benchmarks.runner import run_shard
from modelscout.benchmarks.spend import BudgetStore
from modelscout.benchmarks.work import load_redactor, load_samples
from modelscout.core.errors import ConfigurationError, ModelNotFound, ProviderUnavailable
from modelscout.providers.protocol import GenerateRequest

pytestmark = pytest.mark.usefixtures("small_warehouse")


def test_the_same_key_finds_the_same_run(engine: Engine) -> None:
    verify(engine, "good", "cheap")
    first = create_run(engine, SETTINGS, run_key="scheduled__1", now=NOW)
    assert create_run(engine, SETTINGS, run_key="scheduled__1", now=NOW + timedelta(days=2)) == first
    assert create_run(engine, SETTINGS, run_key="scheduled__2", now=NOW).run_id != first.run_id
    assert rows(engine, "SELECT count(*) FROM ai_benchmark_runs") == [(2,)]
    json.dumps(first.shards)


def test_each_models_suites_are_paid_once_and_by_turns(engine: Engine) -> None:
    verify(engine, "good", "cheap")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, "
                "last_seen_at, checked_at) VALUES (:o, :m, 'available', :now, :now, :now)"
            ),
            {"o": BLOOM, "m": MODELS["cheap"], "now": NOW},
        )
    plan = create_run(engine, SETTINGS, run_key="r", now=NOW)
    work = rows(engine, "SELECT parameters -> 'suite_work' FROM ai_benchmark_runs")[0][0]
    assert {organization: list(models) for organization, models in work.items()} == {
        str(ACME): [str(MODELS["good"])],
        str(BLOOM): [str(MODELS["cheap"])],
    }
    assert sorted(plan.shards) == [[str(ACME)], [str(BLOOM)]]


def test_models_without_verified_capabilities_run_no_suites(engine: Engine) -> None:
    verify(engine, "cheap")
    create_run(engine, SETTINGS, run_key="r", now=NOW)
    work = rows(engine, "SELECT parameters -> 'suite_work' FROM ai_benchmark_runs")[0][0]
    assert work == {str(ACME): {str(MODELS["cheap"]): ["chat", "search"]}}


def test_filters_narrow_a_run(engine: Engine) -> None:
    verify(engine, "good", "cheap")
    create_run(
        engine,
        SETTINGS,
        run_key="r",
        now=NOW,
        kind="manual",
        organizations=["acme"],
        models=["openai/cheap"],
        features=["search"],
        seed=5,
        spend_limit_usd=Decimal("0.5"),
    )
    row = rows(
        engine, "SELECT parameters -> 'suite_work' AS work, seed, spend_limit_usd FROM ai_benchmark_runs"
    )[0]
    assert row.work == {str(ACME): {str(MODELS["cheap"]): ["search"]}}
    assert (row.seed, row.spend_limit_usd) == (5, Decimal("0.5"))


def test_wrong_arguments_are_refused(engine: Engine) -> None:
    with pytest.raises(ConfigurationError, match="kind='weekly'"):
        create_run(engine, SETTINGS, run_key="r", now=NOW, kind="weekly")
    with pytest.raises(ConfigurationError, match="no benchmark run"):
        asyncio.run(run_shard(engine, str(uuid.uuid4()), [], credentials, SETTINGS, now=NOW))


# --- run -------------------------------------------------------------------------------------------------------


def test_a_night_runs_suites_then_replays_and_the_next_night_pays_nothing(
    engine: Engine, vendor: Vendor
) -> None:
    verify(engine, "good", "cheap")
    add_samples(engine, 40)
    plan = create_run(engine, SETTINGS, run_key="n1", now=NOW)
    counts = run_all(engine, vendor, plan)
    assert counts == {"answered": 2 * CASES + 2 * 35, "failed": 0, "already_done": 0}
    by_source = rows(
        engine,
        "SELECT source, organization_id IS NULL, count(*), min(score)::float, bool_and(simulated), "
        "count(cost_usd) FROM ai_benchmark_results GROUP BY 1, 2 ORDER BY 1",
    )
    assert [tuple(row) for row in by_source] == [
        ("platform", True, 2 * CASES, 1.0, True, 2 * CASES),
        ("replay", False, 70, 1.0, True, 70),
    ]
    items = rows(engine, "SELECT count(DISTINCT case_key) FROM ai_benchmark_results WHERE source = 'replay'")
    assert items == [(35,)], "the same items for both models"
    second = create_run(engine, SETTINGS, run_key="n2", now=NOW + timedelta(days=1))
    asked = len(vendor.asked)
    run_all(engine, vendor, second, now=NOW + timedelta(days=1))
    assert len(vendor.asked) == asked


def test_a_suite_spreads_over_nights_and_a_night_does_not_take_the_next_cases(
    engine: Engine, vendor: Vendor
) -> None:
    verify(engine, "good", "cheap")
    few = replace(SETTINGS, suite_cases=10)

    def night(name: str, now: datetime) -> set[tuple[str, str]]:
        vendor.asked.clear()
        plan = create_run(engine, few, run_key=name, now=now, features=["chat"], replay=False)
        run_all(engine, vendor, plan, few, now)
        return set(vendor.asked)

    first = night("n", NOW)
    assert len(first) == 20
    assert {p for m, p in first if m == "good"} == {p for m, p in first if m == "cheap"}, (
        "compared on the same"
    )
    assert night("again", NOW + timedelta(hours=5)) == set()
    second = night("n2", NOW + timedelta(days=1))
    assert len(second) == 20
    assert not first & second
    for later in range(2, 9):
        night(f"n{later + 1}", NOW + timedelta(days=later))
    assert rows(
        engine, "SELECT count(DISTINCT (model_id, case_key)), count(*) FROM ai_benchmark_results"
    ) == [(2 * CHAT, 2 * CHAT)]


def test_samples_mirror_the_work_and_pass_the_redaction(engine: Engine) -> None:
    add_samples(engine, 300)
    with engine.begin() as connection:
        # One in ten was wrong, one in five is long; in both halves of the time alike.
        connection.execute(
            text(
                "UPDATE ai_workload_samples SET baseline_score = (right(item_key, 1) <> '7')::integer, "
                "prompt = prompt || CASE WHEN right(item_key, 1) IN ('1', '6') THEN repeat(' long', 50) ELSE '' END"
            )
        )

    def drawn(items: int) -> list[str]:
        found = load_samples(
            engine, organization_id=str(ACME), feature_id="chat", items=items, now=NOW, redact=str.upper
        )
        assert all(sample.case.prompt.isupper() for sample in found)
        return [sample.case.case_key for sample in found]

    some = drawn(100)
    assert len(set(some)) == 100
    assert sum(key.endswith("7") for key in some) in {9, 10, 11}
    assert 17 <= sum(key[-1] in "16" for key in some) <= 23
    weeks = Counter(str((NOW - timedelta(hours=int(key[-3:]))).isocalendar()[:2]) for key in some)
    every = Counter(str((NOW - timedelta(hours=n)).isocalendar()[:2]) for n in range(300))
    assert all(abs(weeks[week] - count / 3) <= 3 for week, count in every.items())
    assert drawn(50) == some[:50], "a smaller draw is the beginning of a larger one"


def test_a_redaction_that_cannot_be_loaded_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"MODELSCOUT_REDACTION='nowhere:f' cannot be loaded"):
        load_redactor("nowhere:f")
    assert load_redactor("builtins:repr") is repr


def test_few_or_expired_samples_are_not_replayed(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good", "cheap")
    add_samples(engine, 29)
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, suites=False)
    assert plan.shards == []
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM ai_workload_samples"))
    add_samples(engine, 40, expires=timedelta(seconds=-1))
    assert create_run(engine, SETTINGS, run_key="m", now=NOW, suites=False).shards == []


def test_an_unreachable_incumbent_is_not_called(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good", "cheap")
    add_samples(engine, 30, incumbent="old")
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, suites=False)
    run_all(engine, vendor, plan)
    assert {model for model, _ in vendor.asked} == {"good", "cheap"}


def test_negotiated_prices_are_those_of_their_organization(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_model_prices (organization_id, provider, provider_model_id, processing, "
                "valid_from, input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
                "VALUES (:o, 'openai', 'good', 'standard', '2025-01-01', 0.5, 0.5, 'contract')"
            ),
            {"o": ACME},
        )
    run_all(engine, vendor, create_run(engine, SETTINGS, run_key="n", now=NOW, organizations=["acme"]))
    assert rows(engine, "SELECT DISTINCT cost_usd FROM ai_benchmark_results") == [(Decimal("0.00007"),)]


@pytest.mark.parametrize("models", [None, ["openai/good", "openai/cheap"]], ids=["due", "asked for"])
def test_a_killed_shard_goes_on_where_it_stopped(
    engine: Engine, vendor: Vendor, models: list[str] | None
) -> None:
    verify(engine, "good", "cheap")
    add_samples(engine, 40)
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, models=models)
    shard = [organization for part in plan.shards for organization in part]

    class Killed(BaseException):
        pass

    def kill_at(count: int) -> Callable[[GenerateRequest], Exception | None]:
        def fails(request: GenerateRequest) -> Exception | None:
            if len(vendor.asked) == count:
                raise Killed
            return None

        return fails

    kills = (10, 30, 70, 90, 120, 150, 190, 230, 280, 320)
    for count in kills:
        vendor.fails = kill_at(count)
        with pytest.raises(BaseException):  # noqa: B017, PT011 - a group around Killed
            asyncio.run(
                run_shard(engine, plan.run_id, shard, credentials, SETTINGS, now=NOW, opener=vendor.open)
            )
    vendor.fails = lambda request: None
    asyncio.run(run_shard(engine, plan.run_id, shard, credentials, SETTINGS, now=NOW, opener=vendor.open))
    total = 2 * CASES + 70
    assert rows(engine, "SELECT count(*) FROM ai_benchmark_results") == [(total,)]
    twice = len(vendor.asked) - total
    assert 0 < twice <= len(kills) * SETTINGS.request_concurrency


def test_a_model_found_gone_stays_gone_when_the_task_is_repeated(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good")
    vendor.fails = lambda request: ModelNotFound("gone", provider="openai")
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW)
    run_all(engine, vendor, plan)
    asked = len(vendor.asked)
    assert asked <= SETTINGS.request_concurrency
    run_all(engine, vendor, plan)
    assert len(vendor.asked) == asked


def test_calls_that_fail_for_a_while_are_rows_and_asked_again_the_next_night(
    engine: Engine, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def once(call: Any, **_: Any) -> Any:
        return await call()

    monkeypatch.setattr("modelscout.benchmarks.execution.call_with_retries", once)
    verify(engine, "good")
    vendor.fails = lambda request: ProviderUnavailable(
        "sk-llm__acme__openai is down", provider="openai", status=503
    )
    counts = run_all(
        engine, vendor, create_run(engine, SETTINGS, run_key="n1", now=NOW, organizations=["acme"])
    )
    assert counts["failed"] == CASES
    assert rows(engine, "SELECT DISTINCT error_type, error_message FROM ai_benchmark_results") == [
        ("provider_unavailable", "*** is down")
    ]
    assert rows(engine, "SELECT sum(settled_usd) FROM spend_reservations") == [(Decimal(0),)]
    vendor.fails = lambda request: None
    assert run_all(engine, vendor, create_run(engine, SETTINGS, run_key="n2", now=NOW))["answered"] == CASES


# --- money -----------------------------------------------------------------------------------------------------


def test_the_limit_holds_over_shards_and_repeated_tasks(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good", "cheap")
    add_samples(engine, 40)
    limit = Decimal("0.03")
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, spend_limit_usd=limit)
    counts = run_all(engine, vendor, plan)
    spent = rows(engine, "SELECT sum(cost_usd) FROM ai_benchmark_results")[0][0]
    settled = rows(
        engine, "SELECT sum(settled_usd), count(*) FILTER (WHERE settled_usd IS NULL) FROM spend_reservations"
    )
    assert settled == [(spent, 0)]
    assert spent <= limit
    assert counts["skipped_for_budget"] == 0
    little = Decimal("0.0045")
    tight = create_run(engine, SETTINGS, run_key="m", now=NOW, spend_limit_usd=little, models=["openai/good"])
    counts = run_all(engine, vendor, tight)
    assert counts["skipped_for_budget"] > 0
    assert counts["answered"] > 0
    spent = rows(engine, f"SELECT sum(cost_usd) FROM ai_benchmark_results WHERE run_id = '{tight.run_id}'")[
        0
    ][0]
    assert 0 < spent <= little


def test_blocks_never_add_up_beyond_the_limit(engine: Engine) -> None:
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, spend_limit_usd=Decimal(1))
    stores = [BudgetStore(engine, plan.run_id, None, clock=lambda: NOW) for _ in range(8)]

    async def grab() -> list[Any]:
        return await asyncio.gather(
            *(asyncio.to_thread(store.reserve, Decimal("0.07")) for store in stores for _ in range(5))
        )

    blocks = [block for block in asyncio.run(grab()) if block is not None]
    assert len(blocks) == 14
    assert stores[0].reserve(Decimal("0.03")) is None
    stores[0].settle(blocks[:2], Decimal("0.01"))
    assert stores[0].reserve(Decimal("0.14")) is not None


@pytest.mark.parametrize("limit", ["day", "organization"])
def test_a_days_limit_holds_over_all_runs(engine: Engine, limit: str) -> None:
    with engine.begin() as connection:
        found = connection.execute(text("SELECT min(id::text) FROM organizations")).scalar_one()
        if limit == "organization":
            connection.execute(text("UPDATE organizations SET benchmark_limit_usd_per_day = 1"))
    runs = [
        create_run(engine, SETTINGS, run_key=f"n{n}", now=NOW, spend_limit_usd=Decimal(1)) for n in range(3)
    ]
    day_limit = Decimal(1) if limit == "day" else None

    def store(run_id: str, now: datetime = NOW) -> BudgetStore:
        return BudgetStore(engine, run_id, str(found), clock=lambda: now, day_limit_usd=day_limit)

    async def grab() -> list[Any]:
        return await asyncio.gather(
            *(
                asyncio.to_thread(store(run.run_id).reserve, Decimal("0.07"))
                for run in runs
                for _ in range(10)
            )
        )

    blocks = [block for block in asyncio.run(grab()) if block is not None]
    assert len(blocks) == 14, "three runs of a dollar each, but only one dollar that day"
    assert store(runs[0].run_id, NOW + timedelta(days=1)).reserve(Decimal("0.07")) is not None
