"""What the training reads of the warehouse: whose days, since when, and in which units."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, text

from modelscout.recommender.estimates import Asked, Estimates, load_estimates
from modelscout.recommender.training_data import Cells, TrainingData, read_training_data

TODAY = date(2026, 11, 25)
NOW = datetime(2026, 11, 25, 5, tzinfo=UTC)
ORGANIZATIONS = [uuid.UUID(int=i) for i in range(1, 6)]
ACME = ORGANIZATIONS[0]
MODEL, OTHER = uuid.UUID(int=0xA1), uuid.UUID(int=0xA2)
RUN = uuid.UUID(int=0xC)


@pytest.fixture(autouse=True)
def warehouse(engine: Engine) -> None:
    run(engine, "TRUNCATE organizations, ai_models, ai_features, ai_benchmark_runs, recommender_runs, model_events, "
                "ai_usage_events CASCADE")  # fmt: skip
    run(engine, "INSERT INTO ai_features (id, name, use_case) VALUES ('chat', 'Chat', 'real_time')")
    run(
        engine,
        "INSERT INTO ai_benchmark_runs VALUES (:r, 'nightly', '{}', 1, 1, 'finished', :now)",
        r=RUN,
        now=NOW,
    )
    for number, organization in enumerate(ORGANIZATIONS):
        run(
            engine,
            "INSERT INTO organizations (id, name, slug) VALUES (:o, :s, :s)",
            o=organization,
            s=f"o{number}",
        )
    for model in (MODEL, OTHER):
        run(engine, "INSERT INTO ai_models (id, provider, provider_model_id, name, family) "
                    "VALUES (:m, 'openai', :n, :n, 'family')", m=model, n=str(model))  # fmt: skip


def run(engine: Engine, sql: str, **parameters: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(sql), parameters)


def days(
    engine: Engine,
    organization: uuid.UUID,
    *,
    quality: float = 0.8,
    model: uuid.UUID = MODEL,
    count: int = 20,
) -> None:
    """A hundred answers a day: half of them judged, two seconds each, a cent each, a tenth without a price."""
    run(
        engine,
        "INSERT INTO ai_model_analytics (organization_id, feature_id, model_id, date, total_requests, success_count, "
        "outcome_count, outcome_score_sum, duration_count, duration_sum_ms, priced_requests, total_cost) "
        "SELECT :o, 'chat', :m, d, 100, 100, 50, 50 * cast(:q AS double precision), 100, 200000, 90, 0.9 "
        "FROM generate_series(cast(:today AS date) - cast(:count AS integer) + 1, :today, interval '1 day') AS d",
        o=organization, m=model, q=quality, today=TODAY, count=count,
    )  # fmt: skip


def replayed(
    engine: Engine, item: str, *, score: float | None, error: str | None = None, at: datetime = NOW
) -> None:
    run(
        engine,
        "INSERT INTO ai_benchmark_results (run_id, organization_id, feature_id, model_id, source, suite, case_key, "
        "score, error_type, cost_usd, duration_ms, finished_at, trial) VALUES (:r, :o, 'chat', :m, 'replay', 'replay', "
        ":i, :s, :e, 0.02, 500, :at, (SELECT count(*) + 1 FROM ai_benchmark_results))",
        r=RUN, o=ACME, m=OTHER, i=item, s=score, e=error, at=at,
    )  # fmt: skip


def read(engine: Engine) -> TrainingData:
    with engine.connect() as connection:
        return read_training_data(connection, today=TODAY)


def cells(engine: Engine, target: str = "quality") -> Cells:
    data = read(engine)
    return data.cells(target, np.ones(len(data.period), dtype=np.bool_))


def loaded(engine: Engine) -> Estimates:
    with engine.connect() as connection:
        return load_estimates(connection, now=NOW)


def test_each_target_has_its_unit_and_its_days(engine: Engine) -> None:
    days(engine, ACME)
    assert cells(engine).sums.mean == pytest.approx([0.8])
    assert np.exp(cells(engine, "latency").sums.mean) == pytest.approx([2000.0])
    # What calls without a price cost is what the others do.
    assert np.exp(cells(engine, "cost").sums.mean) == pytest.approx([0.01])
    assert (cells(engine).sums.days.tolist(), cells(engine).sums.n.tolist()) == ([20.0], [1000.0])
    data = read(engine)
    assert data.sums["quality"].days[data.period == 0].tolist() == [13.0]
    assert (data.first_day, data.last_day) == (TODAY - timedelta(days=19), TODAY)


@pytest.mark.parametrize("vendor", [False, True])
def test_days_before_a_model_changed_are_left_out(engine: Engine, vendor: bool) -> None:
    """Seen by one organization: its own days; behind the vendor's own endpoint: everybody's."""
    for organization in ORGANIZATIONS[:2]:
        days(engine, organization)
    run(engine, "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, "
                "speaks_for_vendor) VALUES (:o, 'openai', 'x', :v)", o=ACME, v=vendor)  # fmt: skip
    run(
        engine,
        "INSERT INTO model_events (organization_id, model_id, kind, natural_key, occurred_at) "
        "VALUES (:o, :m, 'drifted', 'x', :at)",
        o=ACME, m=MODEL, at=datetime(2026, 11, 21, tzinfo=UTC),
    )  # fmt: skip
    data = read(engine)
    found = {
        data.names["organization_id"][o]: n
        for o, n in zip(
            cells(engine).codes["organization_id"].tolist(), cells(engine).sums.days.tolist(), strict=True
        )
    }
    assert found == {str(ACME): 5.0, str(ORGANIZATIONS[1]): 5.0 if vendor else 20.0}


def test_an_item_counts_once_and_a_failure_of_the_model_is_a_wrong_answer(engine: Engine) -> None:
    replayed(engine, "a", score=1.0)
    replayed(engine, "a", score=0.0)
    replayed(engine, "b", score=None, error="refusal")
    replayed(engine, "c", score=None, error="rate_limited")
    assert (cells(engine).sums.n.tolist(), cells(engine).sums.mean.tolist()) == ([2.0], [0.5])


def test_the_kind_of_work_is_the_samples_own_else_what_the_feature_mostly_does(engine: Engine) -> None:
    days(engine, ACME)
    with engine.begin() as connection:
        connection.execute(
            text("SELECT modelscout.ensure_usage_partitions(:a, :a)"), {"a": TODAY - timedelta(days=1)}
        )
    for number, level in enumerate(("high", "high", "low", "absurd", "absurd", "absurd")):
        run(
            engine,
            "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, request_id, "
            "occurred_at, workload) VALUES (:o, 'chat', 'openai', 'm', :r, :at, jsonb_build_object('complexity', "
            "cast(:level AS text)))",
            o=ACME, r=str(number), at=NOW - timedelta(days=1), level=level,
        )  # fmt: skip
    run(
        engine,
        "INSERT INTO ai_workload_samples (organization_id, feature_id, item_key, prompt, grader, sampled_at, "
        "expires_at, workload) VALUES (:o, 'chat', 'a', 'p', 'exact', :now, :later, '{\"complexity\": \"low\"}')",
        o=ACME, now=NOW, later=NOW + timedelta(days=9),
    )  # fmt: skip
    for item in ("a", "b"):
        replayed(engine, item, score=1.0)
    data = read(engine)
    found = {
        (data.names["source"][s], data.names["workload"][w])
        for s, w in zip(data.codes["source"].tolist(), data.codes["workload"].tolist(), strict=True)
    }
    assert found == {("traffic", "high"), ("replay", "low"), ("replay", "high")}


def test_who_does_not_share_is_not_pooled_and_has_its_own_estimates(engine: Engine) -> None:
    for organization in ORGANIZATIONS[:3]:
        days(engine, organization, quality=0.9)
    days(engine, ORGANIZATIONS[3], quality=0.1)
    run(engine, "UPDATE organizations SET shares_aggregates = FALSE WHERE id = :o", o=ORGANIZATIONS[3])
    new, silent = loaded(engine).of(
        [Asked(str(o), "chat", str(MODEL)) for o in (ORGANIZATIONS[4], ORGANIZATIONS[3])]
    )
    assert new.quality.low <= 0.9 <= new.quality.high
    assert new.quality.estimate == pytest.approx(0.9, abs=0.02)
    assert new.own_answers == 0
    assert silent.quality.estimate == pytest.approx(0.1, abs=0.05)
    assert silent.own_answers == 1000


def test_what_two_organizations_know_alone_a_third_does_not_see(engine: Engine) -> None:
    for organization in ORGANIZATIONS[:2]:
        days(engine, organization, quality=0.2)
    [third, own] = loaded(engine).of([Asked(str(o), "chat", str(MODEL)) for o in (ORGANIZATIONS[2], ACME)])
    assert (third.quality.estimate, third.latency_ms, third.cost_usd) == (0.5, None, None)
    assert own.quality.estimate == pytest.approx(0.2, abs=0.02)
    assert own.latency_ms is not None
    assert own.cost_usd is not None
    assert own.latency_ms.estimate == pytest.approx(2000.0, rel=0.02)
    assert own.cost_usd.low < 0.01 < own.cost_usd.high


def test_own_answers_of_today_move_a_version_of_yesterday(engine: Engine) -> None:
    for organization in ORGANIZATIONS[:3]:
        days(engine, organization, quality=0.9, count=10)
    asked = [Asked(str(ORGANIZATIONS[4]), "chat", str(MODEL))]
    [before] = loaded(engine).of(asked)
    days(engine, ORGANIZATIONS[4], quality=0.4, count=10)
    [after] = loaded(engine).of(asked)
    assert after.quality.estimate < before.quality.estimate - 0.3
    assert after.quality.high - after.quality.low < before.quality.high - before.quality.low
