"""Training on judged days, and which version is in use afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from recommender_rows import (
    ACME,
    GLOBEX,
    MODELS,
    NIGHT,
    NOW,
    change,
    rows,
)
from sqlalchemy import Engine, text

from modelscout.recommender.case import ModelEstimate
from modelscout.recommender.estimates import Asked, load_estimates
from modelscout.recommender.training import train

pytestmark = pytest.mark.usefixtures("two_organizations")


def judged(
    engine: Engine, score: Callable[[uuid.UUID, date], float], *, days: int = 30, until: date | None = None
) -> None:
    """Outcomes of a thousand answers a day of each organization and model."""
    last = until or NOW.date()
    values = [
        {"o": o, "m": m, "d": last - timedelta(days=n), "s": 1000 * score(o, last - timedelta(days=n))}
        for o in (ACME, GLOBEX)
        for m in MODELS.values()
        for n in range(days)
    ]
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_model_analytics (organization_id, feature_id, model_id, date, outcome_count, "
                "outcome_score_sum) VALUES (:o, 'search', :m, :d, 1000, :s) ON CONFLICT DO NOTHING"
            ),
            values,
        )


def by_organization(organization: uuid.UUID, day: date) -> float:
    return 0.9 if organization == ACME else 0.6


def estimate(
    engine: Engine, organization: uuid.UUID, feature: str, model: str, workload: str | None = None
) -> tuple[uuid.UUID | None, ModelEstimate]:
    with engine.connect() as connection:
        loaded = load_estimates(connection, now=NOW)
    [found] = loaded.of([Asked(str(organization), feature, str(MODELS[model]), workload)])
    return loaded.version_id, found


def test_too_little_to_train_on_is_said(pipeline: Engine) -> None:
    report = train(pipeline, run_key="a", now=NOW)
    assert (report.published, report.reason) == (False, "too few judged days to train on")
    version, found = estimate(pipeline, ACME, "search", "cheap")
    assert version is None
    assert found.quality.estimate == 0.5
    assert (found.latency_ms, found.cost_usd, found.own_answers) == (None, None, 0)


def test_a_version_that_is_better_on_later_days_is_published_and_loads(
    pipeline: Engine, engine: Engine
) -> None:
    judged(engine, by_organization)
    report = train(pipeline, run_key="a", now=NOW)
    assert report.published, report.reason
    assert report.error is not None
    assert report.baseline_error is not None
    assert report.error < report.baseline_error
    [run] = rows(pipeline, "SELECT * FROM recommender_runs")
    assert run["data_to"] == NOW.date()
    assert set(run["library_versions"]) >= {"scikit-learn", "skops"}
    for organization, quality in ((ACME, 0.9), (GLOBEX, 0.6)):
        version, found = estimate(pipeline, organization, "search", "cheap")
        assert version == report.run_id
        assert found.quality.estimate == pytest.approx(quality, abs=0.05)
        assert found.quality.low <= quality <= found.quality.high


def test_training_again_for_the_same_run_replaces_its_row(pipeline: Engine, engine: Engine) -> None:
    judged(engine, by_organization)
    first = train(pipeline, run_key="a", now=NOW)
    again = train(pipeline, run_key="a", now=NOW)
    assert again == first
    assert len(rows(pipeline, "SELECT FROM recommender_runs")) == 1


def test_a_version_that_fails_on_later_days_is_not_published(pipeline: Engine, engine: Engine) -> None:
    turn = NOW.date() - timedelta(days=10)
    judged(engine, lambda o, day: by_organization(o if day < turn else GLOBEX if o == ACME else ACME, day))
    report = train(pipeline, run_key="a", now=NOW)
    assert not report.published
    assert "not better than the shrunken mean" in report.reason
    assert rows(pipeline, "SELECT artifact FROM recommender_runs") == [{"artifact": None}]


def test_the_version_in_use_is_judged_on_days_that_it_has_not_seen(pipeline: Engine, engine: Engine) -> None:
    """On days that it was fitted to it would look better than it is, and never be replaced."""
    judged(engine, by_organization, until=NOW.date() - timedelta(days=10))
    first = train(pipeline, run_key="old", now=NOW - 10 * NIGHT)
    assert first.published
    again = train(pipeline, run_key="nothing new", now=NOW - 10 * NIGHT + timedelta(hours=1))
    assert (again.published, again.in_use_error) == (False, None)
    assert "no judged day since" in again.reason
    judged(engine, by_organization, days=10)
    assert train(pipeline, run_key="new days", now=NOW).published


def test_a_version_in_use_that_is_better_stays(pipeline: Engine, engine: Engine) -> None:
    judged(engine, by_organization, until=NOW.date() - timedelta(days=12))
    assert train(pipeline, run_key="old", now=NOW - 12 * NIGHT).published
    judged(engine, by_organization, days=12)
    # Days that only the new version learns from were bad ones for one organization, and are over.
    change(
        engine,
        "UPDATE ai_model_analytics SET outcome_score_sum = 100 WHERE organization_id = :o AND date BETWEEN :a AND :b",
        o=GLOBEX,
        a=NOW.date() - timedelta(days=11),
        b=NOW.date() - timedelta(days=7),
    )
    report = train(pipeline, run_key="new", now=NOW)
    assert not report.published
    assert "not better than the version in use" in report.reason
    assert estimate(pipeline, ACME, "search", "cheap")[0] != report.run_id
