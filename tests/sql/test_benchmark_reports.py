"""What benchmark runs publish and report, on real Postgres."""

from __future__ import annotations

from datetime import timedelta

import pytest
from benchmark_support import (
    CASES,
    CHAT,
    NOW,
    SETTINGS,
    Vendor,
    add_samples,
    create_run,
    rows,
    run_all,
    verify,
)
from sqlalchemy import Engine

from modelscout.benchmarks.reports import compare_models, last_run_id, run_report
from modelscout.benchmarks.runner import estimate_suites, finish_run
from modelscout.core.errors import ConfigurationError

pytestmark = pytest.mark.usefixtures("small_warehouse")


def test_finishing_publishes_scores_and_speeds_with_intervals(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good", "cheap")
    vendor.wrong = lambda request: request.model == "cheap" and "hexagon" in request.prompt
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW)
    run_all(engine, vendor, plan)
    for _ in range(2):
        assert finish_run(engine, plan.run_id, NOW + timedelta(minutes=5)) == 2
    row = rows(
        engine,
        "SELECT benchmark_results AS b, performance_metrics AS p, updated_at FROM ai_models "
        "WHERE provider_model_id = 'cheap'",
    )[0]
    chat = row.b["chat"]
    assert (chat["score"], chat["n"], chat["simulated"]) == (
        pytest.approx(1 - 1 / CHAT, abs=1e-4),
        CHAT,
        True,
    )
    # Wilson for 70 of 71 and for 66 of 66 at 95 %.
    assert chat["interval"] == [pytest.approx(0.9244, abs=2e-4), pytest.approx(0.9975, abs=2e-4)]
    assert row.b["search"]["interval"] == [pytest.approx(0.9450, abs=2e-4), 1.0]
    assert row.p["duration_ms"] == 500
    assert row.p["time_to_first_token_ms"] == 100
    assert row.p["output_tokens_per_second"] == 100
    assert row.p["error_rate"] == 0
    assert row.p["n"] == CASES
    assert row.updated_at == NOW - timedelta(days=60)
    assert rows(engine, "SELECT status, finished_at FROM ai_benchmark_runs") == [
        ("finished", NOW + timedelta(minutes=5))
    ]


def test_an_organizations_replay_changes_no_public_figure(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good")
    add_samples(engine, 30)
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, suites=False)
    run_all(engine, vendor, plan)
    assert finish_run(engine, plan.run_id, NOW) == 0
    assert rows(engine, "SELECT DISTINCT benchmark_results::text FROM ai_models") == [("{}",)]
    assert rows(engine, "SELECT count(*) FROM ai_benchmark_results") == [(30,)]


# --- what people read ------------------------------------------------------------------------------------------


def test_reports_say_what_a_run_did_and_how_models_compare(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good", "cheap")
    vendor.wrong = lambda request: request.model == "cheap"
    with pytest.raises(ConfigurationError, match="no benchmark run yet"):
        last_run_id(engine)
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, features=["chat"], replay=False, trials=2)
    estimate = estimate_suites(engine, plan.run_id, plan.shards, SETTINGS, now=NOW)
    assert (estimate.calls, estimate.unpriced) == (4 * CHAT, 0)
    assert vendor.asked == []
    run_all(engine, vendor, plan)
    assert last_run_id(engine) == plan.run_id
    report = run_report(engine, plan.run_id)
    assert 0 < report.spent_usd <= estimate.worst_usd
    assert [(m.model, m.n, m.failed, m.unpriced) for m in report.models] == [
        ("openai/good", 2 * CHAT, 0, 0),
        ("openai/cheap", 2 * CHAT, 0, 0),
    ]
    assert report.models[0].score == 1
    assert report.models[1].score is not None
    assert report.models[1].score < 0.4
    finish_run(engine, plan.run_id, NOW)
    best, worst = compare_models(engine, ["openai/cheap", "openai/good"], feature="chat")
    assert (best.model, worst.model) == ("openai/good", "openai/cheap")
    # A case that was asked twice is one case.
    assert best.n == CHAT
    assert best.low > worst.high
    with pytest.raises(ConfigurationError, match="openai/nobody"):
        compare_models(engine, ["openai/good", "openai/nobody"])
    with pytest.raises(ConfigurationError, match="no id of a run"):
        run_report(engine, "yesterday")
