"""What publishing writes on a small warehouse made by hand, as the nightly role."""

from __future__ import annotations

from datetime import date

import pytest
from recommender_rows import (
    ACME,
    GLOBEX,
    ITEMS,
    MODELS,
    NIGHT,
    NOW,
    block,
    change,
    good,
    night,
    recommendation,
    replay,
    rows,
    tried,
)
from rich.console import Console
from sqlalchemy import Engine

from modelscout.demo.report import print_report
from modelscout.recommender.read import list_recommendations

pytestmark = pytest.mark.usefixtures("two_organizations")


# What is written


@pytest.mark.usefixtures("cheap_is_proven")
def test_what_is_proven_on_own_items_is_a_switch_with_its_evidence(pipeline: Engine) -> None:
    assert night(pipeline) == {"switch": 1, "insufficient_evidence": 1}
    row = recommendation(pipeline)
    assert (row["verdict"], row["current_model"], row["recommended_model"]) == (
        "switch",
        "incumbent",
        "cheap",
    )
    assert (row["n"], row["evidence"]["chosen"]["proven"]) == (ITEMS, True)
    assert row["quality_bound"] > -0.05
    # A thousand answers a day at a cent each, half of which is saved.
    assert row["saving_usd_per_month"] == pytest.approx(1000 * 30.4375 * 0.01 / 2, rel=0.001)
    assert row["evidence"]["price_date"] == "2026-11-23"
    assert recommendation(pipeline, "globex")["verdict"] == "insufficient_evidence"


@pytest.mark.usefixtures("cheap_is_proven")
def test_what_is_expected_of_both_models_stands_in_the_row_with_its_intervals(
    pipeline: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    night(pipeline)
    row = recommendation(pipeline)
    quality = row["performance_estimate"]["expected_quality"]
    cost = row["cost_estimate"]["expected_usd_per_request"]
    latency = row["performance_estimate"]["expected_latency_ms"]
    for which in ("current", "chosen"):
        assert 0.9 < quality[which]["low"] <= quality[which]["estimate"] <= quality[which]["high"] <= 1.0
    assert cost["current"]["low"] <= 0.01 <= cost["current"]["high"]
    # Replayed at two cents beside a cent of real requests: its traffic is expected to be cheaper than its replay.
    assert cost["chosen"]["low"] < 0.01 < cost["chosen"]["high"]
    assert latency["chosen"]["low"] < 500 < latency["chosen"]["high"]
    assert row["performance_estimate"]["current_quality"] == quality["current"]["estimate"]
    print_report([row], [], Console(width=250))
    assert f"{100 * quality['chosen']['low']:.0f} to 100 %" in capsys.readouterr().out
    assert recommendation(pipeline, "globex")["performance_estimate"]["expected_quality"]["chosen"] is None


@pytest.mark.usefixtures("cheap_is_proven")
def test_publishing_twice_gives_the_same_rows(pipeline: Engine) -> None:
    everything = "SELECT * FROM ai_model_recommendations ORDER BY id"
    streams = "SELECT * FROM evidence_streams"
    night(pipeline)
    first = rows(pipeline, everything), rows(pipeline, streams), rows(pipeline, "SELECT * FROM alerts")
    night(pipeline)
    assert (
        rows(pipeline, everything),
        rows(pipeline, streams),
        rows(pipeline, "SELECT * FROM alerts"),
    ) == first
    assert len(first[0]) == 2


@pytest.mark.usefixtures("cheap_is_proven")
@pytest.mark.parametrize("status", ["accepted", "rejected", "snoozed"])
def test_a_decided_row_keeps_its_decision(pipeline: Engine, engine: Engine, status: str) -> None:
    night(pipeline)
    change(
        engine,
        "UPDATE ai_model_recommendations SET status = :s, decided_by = 'ann', decided_at = :now "
        "WHERE verdict = 'switch'",
        s=status,
        now=NOW,
    )
    decided = "SELECT * FROM ai_model_recommendations WHERE decided_by = 'ann'"
    before = rows(pipeline, decided)
    replay(engine, "other", good(), cost_usd=0.001)
    night(pipeline)
    assert rows(pipeline, decided) == before
    night(pipeline, 1)
    [kept] = rows(pipeline, decided)
    assert kept["status"] == status
    assert recommendation(pipeline)["status"] == "open"


@pytest.mark.usefixtures("cheap_is_proven")
def test_an_older_open_row_is_superseded_by_a_newer_one(pipeline: Engine) -> None:
    night(pipeline)
    night(pipeline, 1)
    found = rows(pipeline, "SELECT decision_date, status FROM ai_model_recommendations WHERE organization_id = :o "
                 "ORDER BY 1", o=ACME)  # fmt: skip
    assert [(r["decision_date"].day, r["status"]) for r in found] == [(23, "superseded"), (24, "open")]
    assert recommendation(pipeline)["decision_date"] == date(2026, 11, 24)


@pytest.mark.usefixtures("cheap_is_proven")
@pytest.mark.parametrize("model", ["cheap", "incumbent"])
def test_what_was_measured_before_a_model_changed_proves_nothing(
    pipeline: Engine, engine: Engine, model: str
) -> None:
    event = (
        "INSERT INTO model_events (organization_id, model_id, kind, natural_key, occurred_at) "
        "VALUES (:o, :m, 'drifted', :key, :at)"
    )
    change(engine, event, o=GLOBEX, m=MODELS[model], key="elsewhere", at=NOW + NIGHT / 2)
    assert night(pipeline, 1)["switch"] == 1
    change(engine, event, o=ACME, m=MODELS[model], key="here", at=NOW + NIGHT / 2)
    assert night(pipeline, 1) == {"insufficient_evidence": 2}
    change(engine, "UPDATE ai_benchmark_results SET finished_at = :at", at=NOW + NIGHT)
    assert night(pipeline, 1)["switch"] == 1


@pytest.mark.usefixtures("cheap_is_proven")
def test_the_proof_of_a_model_that_changed_begins_anew_with_a_share_of_its_own(
    pipeline: Engine, engine: Engine
) -> None:
    night(pipeline)
    assert tried(pipeline)["cheap"]["alpha"] == pytest.approx(0.05 * 0.8)
    change(
        engine,
        "INSERT INTO model_events (organization_id, model_id, kind, natural_key, occurred_at) "
        "VALUES (:o, :m, 'drifted', 'here', :at)",
        o=ACME, m=MODELS["cheap"], at=NOW + NIGHT / 2,
    )  # fmt: skip
    replay(engine, "cheap", good(20), first=ITEMS)
    replay(engine, "incumbent", good(20), first=ITEMS)
    change(engine, "UPDATE ai_benchmark_results SET finished_at = :at WHERE split_part(case_key, '/i', 2)::int >= :n",
           at=NOW + NIGHT, n=ITEMS)  # fmt: skip
    night(pipeline, 1)
    anew = tried(pipeline)["cheap"]
    assert (anew["n"], anew["alpha"]) == (20, pytest.approx(0.05 * 0.2 / 2))
    assert not anew["proven"]


# The money


@pytest.mark.usefixtures("cheap_is_proven")
@pytest.mark.parametrize(
    "changed",
    [
        # One attempt in ten fails without cost: what is paid stays the same.
        "UPDATE ai_model_analytics SET total_requests = 1111, priced_requests = 1111",
        # Used on every third day only: a third of the spend.
        "DELETE FROM ai_model_analytics WHERE extract(day FROM date)::integer % 3 <> 1",
        # Nine in ten calls have no price: the tenth tells what one costs.
        "UPDATE ai_model_analytics SET priced_requests = 100, unpriced_requests = 900, total_cost = 1",
    ],
    ids=["failed attempts", "idle days", "unpriced calls"],
)
def test_the_saving_is_a_share_of_what_is_really_spent(
    pipeline: Engine, engine: Engine, changed: str
) -> None:
    change(engine, changed)
    night(pipeline)
    [spent] = rows(
        pipeline,
        "SELECT sum(total_cost * total_requests / priced_requests) / 30 * 30.4375 AS month FROM ai_model_analytics "
        "WHERE organization_id = :o",
        o=ACME,
    )
    assert recommendation(pipeline)["saving_usd_per_month"] == pytest.approx(
        float(spent["month"]) / 2, rel=0.02
    )


@pytest.mark.usefixtures("cheap_is_proven")
def test_an_unknown_price_gives_no_switch(pipeline: Engine, engine: Engine) -> None:
    change(engine, "UPDATE ai_benchmark_results SET cost_usd = NULL WHERE model_id = :m", m=MODELS["cheap"])
    night(pipeline)
    row = recommendation(pipeline)
    assert row["verdict"] == "keep"
    assert row["saving_usd_per_month"] == 0
    # It keeps the model in use, and so its cost.
    cost = row["cost_estimate"]
    assert cost["recommended_cost_per_request_usd"] == cost["current_cost_per_request_usd"]


# What holds publication up


def test_an_organization_that_does_not_reconcile_gets_no_row_and_others_do(
    pipeline: Engine, engine: Engine
) -> None:
    block(engine)
    night(pipeline)
    assert [r["organization"] for r in list_recommendations(pipeline)] == ["globex"]
    change(engine, "UPDATE alerts SET resolved_at = :now", now=NOW)
    night(pipeline)
    assert [r["organization"] for r in list_recommendations(pipeline)] == ["acme", "globex"]
