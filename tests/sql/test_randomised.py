"""Experiments in real traffic as evidence, through the nightly publish."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from recommender_rows import (
    ACME,
    ITEMS,
    MODELS,
    NIGHT,
    NOW,
    add_price,
    change,
    good,
    night,
    pipeline,
    recommendation,
    replay,
    rows,
    tried,
    two_organizations,
)
from sqlalchemy import Engine

__all__ = ["pipeline", "two_organizations"]
REQUESTS = 4000
"""With nothing but good answers, even chances and a margin of five points these prove a candidate."""


@pytest.fixture(autouse=True)
def warehouse(engine: Engine, two_organizations: None) -> None:  # noqa: ARG001
    change(engine, "SELECT modelscout.ensure_usage_partitions('2026-11-16', '2026-11-24')")
    add_price(engine, "incumbent", 2.0, 2.0)
    add_price(engine, "cheap", 1.0, 1.0)


def experiment(
    engine: Engine,
    *,
    judged_every: int = 1,
    judged_after: timedelta = timedelta(hours=1),
    chance: float = 0.5,
    error: str | None = None,
    **columns: Any,
) -> None:
    """Requests that went in turns to `cheap` and to the model in use; of those to `cheap` every so many is judged."""
    values = {"o": ACME, "n": REQUESTS, "at": NOW - 5 * NIGHT, "chance": chance, "error": error} | columns
    change(
        engine,
        "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, request_id, attempt, "
        "occurred_at, input_tokens, output_tokens, duration_ms, experiment_id, propensity, error_type) "
        "SELECT :o, 'chat', 'openai', CASE WHEN i % 2 = 0 THEN 'cheap' ELSE 'incumbent' END, "
        "'r' || lpad(i::text, 5, '0'), 1, :at + i * interval '1 second', 1000, 1000, 300 + i % 2 * 100, 'e1', "
        "CASE WHEN i % 2 = 0 THEN :chance ELSE 1 - :chance END, CASE WHEN i % 2 = 0 THEN :error END "
        "FROM generate_series(1, :n) AS i",
        **values,
    )
    change(
        engine,
        "INSERT INTO ai_usage_outcomes SELECT :o, request_id, 'check', 1, occurred_at + :after FROM ai_usage_events "
        "WHERE error_type IS NULL AND "
        "(requested_model = 'incumbent' OR (right(request_id, 5)::integer / 2) % :every = 0)",
        o=ACME,
        after=judged_after,
        every=judged_every,
    )


def test_an_experiment_proves_a_switch_with_its_saving_and_latency(engine: Engine, pipeline: Engine) -> None:
    experiment(engine)
    night(pipeline)
    row = recommendation(engine)
    assert (row["verdict"], row["recommended_model"]) == ("switch", "cheap")
    assert row["n"] == REQUESTS
    assert row["evidence"]["chosen"]["method"].startswith("randomised")
    assert row["evidence"]["kind"] == "randomised traffic of the organization's own"
    assert any("requests that chance gave" in reason for reason in row["reasons"])
    # Half of 1,000 answers a day at a cent each.
    assert float(row["saving_usd_per_month"]) == pytest.approx(30.4375 * 10 / 2, rel=0.01)
    assert any("300 ms in the experiment" in tradeoff for tradeoff in row["tradeoffs"])
    assert not any("same items" in tradeoff for tradeoff in row["tradeoffs"])
    [stream] = rows(engine, "SELECT * FROM evidence_streams")
    assert (stream["kind"], stream["n"]) == ("randomised", REQUESTS)
    assert stream["error_share"] == pytest.approx(0.04)


def test_the_other_organization_learns_nothing_from_it(engine: Engine, pipeline: Engine) -> None:
    experiment(engine)
    night(pipeline)
    assert recommendation(engine, "globex")["verdict"] == "insufficient_evidence"


def test_the_next_night_changes_nothing(engine: Engine, pipeline: Engine) -> None:
    experiment(engine)
    night(pipeline)
    first = rows(engine, "SELECT * FROM evidence_streams")
    night(pipeline, 1)
    assert rows(engine, "SELECT * FROM evidence_streams") == first


def test_requests_that_share_a_draw_count_once(engine: Engine, pipeline: Engine) -> None:
    experiment(engine)
    change(
        engine,
        "UPDATE ai_usage_events SET workload = jsonb_build_object('trial_unit', right(request_id, 5)::integer / 4)",
    )
    night(pipeline)
    [stream] = rows(engine, "SELECT * FROM evidence_streams")
    assert stream["n"] == REQUESTS // 4 + 1


def test_pairs_come_first_unless_only_the_traffic_proves_it(engine: Engine, pipeline: Engine) -> None:
    experiment(engine)
    replay(engine, "incumbent", good(40), cost_usd=0.02)
    replay(engine, "cheap", good(40), cost_usd=0.01)
    night(pipeline)
    assert recommendation(engine)["n"] == REQUESTS
    replay(engine, "incumbent", good(ITEMS), cost_usd=0.02, first=40)
    replay(engine, "cheap", good(ITEMS), cost_usd=0.01, first=40)
    night(pipeline, 1)
    assert recommendation(engine)["n"] == ITEMS + 40
    shares = rows(engine, "SELECT kind, error_share FROM evidence_streams ORDER BY kind")
    # Two ways to be wrong share the error.
    assert [s["kind"] for s in shares] == ["paired", "randomised"]
    assert [s["error_share"] for s in shares] == pytest.approx([0.02, 0.02])


def test_traffic_judged_by_model_is_left_out_and_the_log_says_so(
    engine: Engine, pipeline: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    experiment(engine, judged_every=2)
    with caplog.at_level(logging.WARNING):
        night(pipeline)
    assert recommendation(engine)["verdict"] == "insufficient_evidence"
    assert "judge both alike" in caplog.text


@pytest.mark.parametrize("case", [{"at": NOW - 2 * NIGHT}, {"judged_after": 4 * NIGHT}])
def test_what_is_younger_than_three_days_or_judged_later_does_not_count_yet(
    engine: Engine, pipeline: Engine, case: dict[str, Any]
) -> None:
    experiment(engine, **case)
    night(pipeline)
    assert recommendation(engine)["verdict"] == "insufficient_evidence"


def test_an_experiment_with_a_chance_too_small_proves_nothing(engine: Engine, pipeline: Engine) -> None:
    experiment(engine, chance=0.02)
    night(pipeline)
    assert recommendation(engine)["verdict"] == "insufficient_evidence"


@pytest.mark.parametrize(("error", "effect"), [("refusal", -1.0), ("timeout", None)])
def test_a_model_that_refuses_is_worse_and_one_that_was_not_reached_is_not_known(
    engine: Engine, pipeline: Engine, error: str, effect: float | None
) -> None:
    experiment(engine, error=error)
    night(pipeline)
    found = tried(engine)
    if effect is None:
        assert found == {}
    else:
        assert found["cheap"]["effect"] == pytest.approx(effect, abs=0.05)


def test_a_switch_is_proven_against_the_fixed_reference_too(engine: Engine, pipeline: Engine) -> None:
    # A switch that was recommended leaves the reference at `other`, which nothing was tried beside.
    change(
        engine,
        "INSERT INTO ai_model_recommendations (organization_id, feature_id, recommended_model_id, verdict, "
        "decision_date, valid_until, status) VALUES (:o, 'chat', :m, 'switch', :day, :day, 'accepted')",
        o=ACME,
        m=MODELS["incumbent"],
        day=(NOW - 3 * NIGHT).date(),
    )
    change(
        engine,
        "UPDATE ai_feature_settings SET reference_model_id = :m WHERE organization_id = :o",
        o=ACME,
        m=MODELS["other"],
    )
    experiment(engine)
    night(pipeline)
    assert recommendation(engine)["verdict"] == "trial"


@pytest.mark.parametrize("model", ["cheap", "incumbent"])
def test_where_one_model_changed_the_requests_to_both_begin_anew(
    engine: Engine, pipeline: Engine, model: str
) -> None:
    experiment(engine)
    change(
        engine,
        "INSERT INTO model_events (organization_id, model_id, kind, natural_key, occurred_at) "
        "VALUES (:o, :m, 'drifted', 'k', :at)",
        o=ACME,
        m=MODELS[model],
        at=NOW - 5 * NIGHT + timedelta(seconds=REQUESTS / 2 + 0.5),
    )
    night(pipeline)
    assert tried(engine)["cheap"]["n"] == REQUESTS / 2
