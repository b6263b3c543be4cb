"""Run types, the suites of speed and cost, approval, cancelling, and whose key is asked, on real Postgres."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from benchmark_support import (
    ACME,
    BLOOM,
    CASES,
    MODELS,
    NOW,
    SETTINGS,
    SIZES,
    Vendor,
    add_samples,
    create_any_run,
    credentials,
    probe_all,
    rows,
    verify,
)
from sqlalchemy import Engine, text

from modelscout.benchmarks.access import check_access
from modelscout.benchmarks.approval import cost_of_run, question
from modelscout.benchmarks.capabilities import plan_night, plan_probes
from modelscout.benchmarks.control import cancel_run, decide_run, run_status
from modelscout.benchmarks.progress import progress_text
from modelscout.benchmarks.reports import run_report
from modelscout.benchmarks.runner import PHASES, finish_run, run_shard
from modelscout.benchmarks.stored_runs import BenchmarkPlan, load_run
from modelscout.core.errors import AuthenticationFailed, ConfigurationError, PermissionDenied
from modelscout.core.settings import Settings
from modelscout.providers.protocol import GenerateRequest, GenerateResult

pytestmark = pytest.mark.usefixtures("small_warehouse")

DEAR = replace(SETTINGS, approval_above_usd=Decimal("0.01"))


def run_phases(
    engine: Engine, vendor: Vendor, plan: BenchmarkPlan, settings: Settings = SETTINGS
) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for phase in PHASES:
        for shard in plan.shards:
            work = run_shard(
                engine, plan.run_id, shard, credentials, settings, now=NOW, phases=[phase], opener=vendor.open
            )
            found.setdefault(phase, Counter()).update(asyncio.run(work))
    return found


def execute(engine: Engine, statement: str, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), values)


# --- types of runs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("about", "calls"),
    [
        ("all", CASES + SIZES["cost"] - 4 + SIZES["speed"]),
        ("accuracy", CASES),
        ("speed", SIZES["speed"]),
        ("cost", SIZES["cost"] - 4),
    ],
)
def test_a_type_measures_what_it_says(engine: Engine, vendor: Vendor, about: str, calls: int) -> None:
    verify(engine, "good")
    add_samples(engine, 30)
    plan = create_any_run(engine, SETTINGS, run_key=about, now=NOW, about=about)
    found = run_phases(engine, vendor, plan)
    replayed = found["replay"]["answered"]
    assert found["suites"]["answered"] + found["speed"]["answered"] == calls, "four photos need eyes"
    assert (replayed > 0) is (about in ("all", "accuracy"))


def test_an_unknown_type_is_refused_with_the_known_ones(engine: Engine) -> None:
    with pytest.raises(ConfigurationError, match="about='fast' is unknown: use one of all, accuracy"):
        create_any_run(engine, SETTINGS, run_key="x", now=NOW, about="fast")


def test_features_that_are_asked_for_leave_speed_and_cost_out(engine: Engine) -> None:
    verify(engine, "good")
    plan = create_any_run(engine, SETTINGS, run_key="x", now=NOW, features=["chat"])
    assert load_run(engine, plan.run_id).suite_work == {str(ACME): {str(MODELS["good"]): ["chat"]}}


def test_speed_keeps_to_its_level_of_concurrency_and_to_one_kind_at_a_time(
    engine: Engine, vendor: Vendor
) -> None:
    verify(engine, "good")
    under_way: list[str] = []
    seen: list[Counter[str]] = []

    class Slow(Vendor):
        async def generate(self, request: GenerateRequest) -> GenerateResult:
            kind = (
                "long" if len(request.prompt) > 9000 else "medium" if len(request.prompt) > 2000 else "short"
            )
            under_way.append(kind)
            seen.append(Counter(under_way))
            await asyncio.sleep(0.002)
            under_way.remove(kind)
            return await super().generate(request)

    plan = create_any_run(engine, SETTINGS, run_key="s", now=NOW, about="speed")
    run_phases(engine, Slow(), plan)
    assert all(len(kinds) == 1 for kinds in seen), "two kinds at the same time disturb each other"
    assert max(kinds.total() for kinds in seen) == 4
    stored = rows(
        engine,
        "SELECT bucket, concurrency, count(*), min(about) FROM ai_benchmark_results GROUP BY 1, 2 ORDER BY 1, 2",
    )
    assert [tuple(row) for row in stored] == [
        (bucket, level, n, "speed")
        for bucket, n in (("long", 2), ("medium", 4), ("short", 6))
        for level in (1, 4)
    ]


def test_speed_and_cost_are_published_by_kind_and_no_feature_has_their_scores(
    engine: Engine, vendor: Vendor
) -> None:
    verify(engine, "good")
    plan = create_any_run(engine, SETTINGS, run_key="p", now=NOW)
    run_phases(engine, vendor, plan)
    finish_run(engine, plan.run_id, NOW)
    finish_run(engine, plan.run_id, NOW)
    (row,) = rows(
        engine,
        "SELECT performance_metrics, benchmark_results FROM ai_models WHERE provider_model_id = 'good'",
    )
    speed = row.performance_metrics["speed"]
    assert set(speed) == {"short", "medium", "long"}
    assert speed["medium"]["4"]["n"] == 4
    assert speed["medium"]["4"]["duration_ms"] == 500
    assert speed["medium"]["4"]["time_to_first_token_ms"] == 100
    assert speed["medium"]["4"]["duration_interval_ms"] == [500, 500]
    assert speed["medium"]["4"]["output_tokens_per_second"] == 100, "40 tokens in the 400 ms after the first"
    cost = row.performance_metrics["cost_per_1000_calls_usd"]["explanation"]
    assert cost["usd"] == pytest.approx(0.14), "140 tokens at a dollar a million"
    assert cost["interval_usd"] == [pytest.approx(0.14), pytest.approx(0.14)]
    assert cost["n"] == 3
    assert set(row.benchmark_results) == {"chat", "search"}
    assert row.performance_metrics["n"] == CASES, "calls of the features alone make the model's figures"


@pytest.mark.parametrize(
    ("duration_ms", "documented", "found"),
    [
        (900, True, "verified"),
        (900, False, "verified"),
        (9000, True, "contradicted"),
        (9000, False, None),
    ],
)
def test_the_speed_suite_shows_who_is_fast(
    engine: Engine, duration_ms: int, documented: bool, found: str | None
) -> None:
    verify(engine, "good")
    if documented:
        execute(
            engine,
            "UPDATE ai_models SET documented_capabilities = documented_capabilities || 'fast_processing'::text",
        )

    class Timed(Vendor):
        async def generate(self, request: GenerateRequest) -> GenerateResult:
            return replace(await super().generate(request), duration_ms=float(duration_ms))

    plan = create_any_run(engine, SETTINGS, run_key="f", now=NOW, about="speed")
    run_phases(engine, Timed(), plan)
    finish_run(engine, plan.run_id, NOW)
    stored = rows(engine, "SELECT result FROM ai_model_capabilities WHERE capability = 'fast_processing'")
    assert [row[0] for row in stored] == [found] * (found is not None)


# --- what people decide ------------------------------------------------------------------------------------


def test_a_dear_run_waits_for_a_person_and_a_declined_one_sends_nothing(
    engine: Engine, vendor: Vendor
) -> None:
    verify(engine, "good")
    plan = create_any_run(engine, DEAR, run_key="d", now=NOW)
    asked = question(engine, plan.run_id, plan.shards, DEAR, now=NOW)
    assert asked is not None
    assert "10.00 USD" in asked["subject"], "replays come on top of the suites, so that the limit counts"
    assert run_status(engine, plan.run_id) == "waiting_for_approval"
    assert decide_run(engine, plan.run_id, approved=False, by="mira", now=NOW) == "declined"
    assert sum((c for c in run_phases(engine, vendor, plan, DEAR).values()), Counter()).total() == 0
    assert vendor.asked == []
    finish_run(engine, plan.run_id, NOW)
    assert run_status(engine, plan.run_id) == "declined"
    assert decide_run(engine, plan.run_id, approved=True, by="jon", now=NOW) == "declined", "it was decided"


def test_an_approved_run_goes_on_and_asks_no_second_time(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good")
    plan = create_any_run(engine, DEAR, run_key="d", now=NOW, replay=False)
    cost = cost_of_run(engine, plan.run_id, plan.shards, DEAR, now=NOW)
    assert cost.suites_usd < cost.limit_usd
    assert question(engine, plan.run_id, plan.shards, DEAR, now=NOW)
    assert decide_run(engine, plan.run_id, approved=True, by="mira", now=NOW) == "running"
    assert question(engine, plan.run_id, plan.shards, DEAR, now=NOW), "a repeated task asks the same"
    assert run_status(engine, plan.run_id) == "running", "but what was decided stands"
    found = run_phases(engine, vendor, plan, DEAR)
    assert found["suites"]["answered"] > 0
    assert rows(engine, "SELECT decided_by FROM ai_benchmark_runs") == [("mira",)]


@pytest.mark.parametrize("above", [None, Decimal(10)])
def test_a_run_within_the_threshold_asks_nobody(engine: Engine, above: Decimal | None) -> None:
    verify(engine, "good")
    settings = replace(SETTINGS, approval_above_usd=above)
    plan = create_any_run(engine, settings, run_key="d", now=NOW)
    assert question(engine, plan.run_id, plan.shards, settings, now=NOW) is None
    assert run_status(engine, plan.run_id) == "running"


def test_a_cancelled_run_ends_what_is_under_way_and_sends_no_more(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good", "cheap")
    plan = create_any_run(engine, SETTINGS, run_key="c", now=NOW, about="accuracy", replay=False)

    class Cancelling(Vendor):
        async def generate(self, request: GenerateRequest) -> GenerateResult:
            if len(self.asked) == 20:
                await asyncio.to_thread(cancel_run, engine, plan.run_id, by="mira", now=NOW)
                await asyncio.sleep(2.2)
            return await super().generate(request)

    slow = Cancelling()
    slow.delay_s = 0.02
    run_phases(engine, slow, plan)
    sent = len(slow.asked)
    assert 20 < sent < 2 * CASES
    assert rows(engine, "SELECT count(*) FROM ai_benchmark_results") == [(sent,)], "what was paid is kept"
    finish_run(engine, plan.run_id, NOW)
    assert run_status(engine, plan.run_id) == "cancelled"
    assert cancel_run(engine, plan.run_id, by="jon", now=NOW) == "cancelled"
    other = create_any_run(engine, SETTINGS, run_key="o", now=NOW, suites=False, replay=False)
    finish_run(engine, other.run_id, NOW)
    with pytest.raises(ConfigurationError, match="is finished: only one that still runs"):
        cancel_run(engine, other.run_id, by="mira", now=NOW)
    assert rows(engine, "SELECT count(*) FROM spend_reservations WHERE settled_usd IS NULL") == [(0,)]


def test_others_see_how_far_a_run_is(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good")
    plan = create_any_run(engine, SETTINGS, run_key="c", now=NOW, about="cost")
    run_phases(engine, vendor, plan)
    report = run_report(engine, plan.run_id)
    assert (report.done, report.planned) == (SIZES["cost"] - 4, SIZES["cost"] - 4)
    line = progress_text(Counter(answered=30, failed=2, already_done=12), 100, done_before=12, seconds=10)
    assert line == "44 of 100 calls, 2 failed, about 18 s left"


# --- whose key is asked, and how often ---------------------------------------------------------------------


def test_the_platforms_own_key_pays_where_it_reaches_a_model(engine: Engine) -> None:
    verify(engine, "good", "cheap")
    execute(engine, "UPDATE organizations SET is_platform = TRUE WHERE id = :id", id=BLOOM)
    payers = dict(target for shard in plan_probes(engine, NOW, 2) for target in shard)
    assert payers == {str(MODELS["good"]): str(BLOOM), str(MODELS["cheap"]): str(ACME)}
    plan = create_any_run(engine, SETTINGS, run_key="p", now=NOW, about="cost")
    assert set(load_run(engine, plan.run_id).suite_work[str(BLOOM)]) == {str(MODELS["good"])}


def test_one_version_under_two_names_is_probed_once(engine: Engine) -> None:
    execute(
        engine, "UPDATE ai_models SET provider_model_id = 'good-2026-11-01' WHERE provider_model_id = 'cheap'"
    )
    execute(
        engine,
        "UPDATE ai_model_prices SET provider_model_id = 'good-2026-11-01' WHERE provider_model_id = 'cheap'",
    )

    class Dated(Vendor):
        async def generate(self, request: GenerateRequest) -> GenerateResult:
            return replace(await super().generate(request), served_model="good-2026-11-01")

    vendor = Dated()
    assert len(plan_probes(engine, NOW, 2)) == 1, "names of one version stay together"
    probe_all(engine, vendor)
    asked = Counter(model for model, _ in vendor.asked)
    assert sorted(asked.values()) == [1, 7], "the second name's first answer says which version there is"
    results = rows(
        engine, "SELECT capability, count(DISTINCT result), count(*) FROM ai_model_capabilities GROUP BY 1"
    )
    assert all((kinds, n) == (1, 2) for _, kinds, n in results)
    assert plan_probes(engine, NOW, 2) == []


def test_another_version_under_the_name_is_probed_anew(engine: Engine, vendor: Vendor) -> None:
    probe_all(engine, vendor)
    verify_again = len(vendor.asked)

    class Newer(Vendor):
        async def generate(self, request: GenerateRequest) -> GenerateResult:
            return replace(await super().generate(request), served_model=f"{request.model}-new")

    newer = Newer()
    later = NOW + timedelta(hours=1)
    plan = create_any_run(engine, SETTINGS, run_key="n", now=later, about="cost")
    for shard in plan.shards:
        asyncio.run(
            run_shard(engine, plan.run_id, shard, credentials, SETTINGS, now=later, opener=newer.open)
        )
    assert len([t for shard in plan_probes(engine, later, 2) for t in shard]) == 2
    newer.asked.clear()
    probe_all(engine, newer, later)
    assert len(newer.asked) == verify_again
    assert plan_probes(engine, later, 2) == []


def check(engine: Engine, vendor: Vendor, **more: Any) -> dict[str, int]:
    organizations = [str(ACME), str(BLOOM)]
    work = check_access(
        engine, organizations, credentials, SETTINGS, run_key="a", now=NOW, opener=vendor.open, **more
    )
    return asyncio.run(work)


def test_every_key_that_does_not_pay_for_probes_is_asked_once(engine: Engine, vendor: Vendor) -> None:
    (first, *_) = night = plan_night(engine, NOW, 2)
    json.dumps(night)
    assert first["paying"] == [f"{ACME}/openai"]
    assert [organization for work in night for organization in work["access"]] == [str(BLOOM)]
    probe_all(engine, vendor)
    vendor.asked.clear()
    assert check(engine, vendor) == {"may_call": 1, "refused": 0, "unknown": 0}
    assert len(vendor.asked) == 1
    assert check(engine, vendor) == {"may_call": 0, "refused": 0, "unknown": 0}
    assert [work["access"] for work in plan_night(engine, NOW, 2)] == [[]]
    assert rows(
        engine, "SELECT count(*) FROM organization_provider_keys WHERE access_checked_at IS NULL"
    ) == [(0,)], "keys that paid for probes have shown it"


def test_a_key_that_lists_and_may_not_call_is_told_to_its_organization_and_left_out(
    engine: Engine, vendor: Vendor
) -> None:
    vendor.fails = lambda request: PermissionDenied(
        "no inference for sk-llm__acme__openai", provider="openai"
    )
    assert check(engine, vendor) == {"may_call": 0, "refused": 2, "unknown": 0}
    assert Counter(model for model, _ in vendor.asked) == {"cheap": 1, "good": 2}, "acme's dearer one as well"
    alerts = rows(engine, "SELECT organization_id, message FROM alerts WHERE kind = 'key_access' ORDER BY 1")
    assert [row[0] for row in alerts] == [ACME, BLOOM]
    assert "lists models but may not call" in alerts[0][1]
    assert "sk-llm" not in alerts[0][1]
    assert plan_probes(engine, NOW, 2) == [], "what cannot call pays for nothing"
    vendor.fails = lambda request: None
    assert check(engine, vendor) == {"may_call": 2, "refused": 0, "unknown": 0}, "asked again every night"
    assert rows(engine, "SELECT count(*) FROM alerts WHERE resolved_at IS NULL") == [(0,)]


def test_a_key_that_may_not_call_does_not_keep_the_others_from_probing(
    engine: Engine, vendor: Vendor
) -> None:
    vendor.fails = lambda request: PermissionDenied("no inference", provider="openai")
    probe_all(engine, vendor)
    assert [
        row[0] for row in rows(engine, "SELECT organization_id FROM alerts WHERE kind = 'key_access'")
    ] == [ACME]
    vendor.fails = lambda request: None
    assert [target for shard in plan_probes(engine, NOW, 2) for target in shard] == [
        [str(MODELS["good"]), str(BLOOM)]
    ], "the next key in turn"


def test_a_vendor_that_is_away_says_nothing_of_a_key(engine: Engine, vendor: Vendor) -> None:
    from modelscout.core.errors import ProviderUnavailable

    vendor.fails = lambda request: ProviderUnavailable("away", provider="openai", status=503)
    assert check(engine, vendor)["unknown"] == 2
    assert rows(engine, "SELECT count(*) FROM alerts") == [(0,)]
    vendor.fails = lambda request: AuthenticationFailed("bad key", provider="openai")
    assert check(engine, vendor)["refused"] == 2
