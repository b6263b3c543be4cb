"""Traffic before and after a switch, made by hand, for the tests of the review of adoption."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import pytest
from recommender_rows import (
    ACME,
    NIGHT,
    NOW,
    add_price,
    change,
    good,
    night,
    replay,
    rows,
)
from sqlalchemy import Engine

from modelscout.analytics.rollup import roll_up
from modelscout.recommender.review import ReviewReport, review

LOW, HIGH = ("low", 200), ("high", 4000)
"""Kinds of request: complexity and input tokens."""
TRAFFIC = """
INSERT INTO ai_usage_events (
    organization_id, feature_id, provider, requested_model, request_id, occurred_at, input_tokens, output_tokens,
    duration_ms, workload, error_type, propensity, processing
)
SELECT
    :o, 'chat', 'openai', :model, :name || '-' || i, cast(:day AS timestamptz) + i * interval '1 second', :given,
    :answered, 400 + i * 37 % 1000, jsonb_build_object('complexity', cast(:complexity AS text)), :error, :propensity,
    :processing
FROM generate_series(1, :count) AS i
"""


@pytest.fixture
def priced(engine: Engine, two_organizations: None) -> None:  # noqa: ARG001
    """Six days of the incumbent: 40 low and 10 high requests a day, and prices of both models."""
    change(engine, "DELETE FROM ai_model_analytics")
    add_price(engine, "incumbent", 10, 30)
    add_price(engine, "cheap", 5, 10)
    for n in range(1, 7):
        traffic(engine, "incumbent", NOW - n * NIGHT, LOW, 40, answered=100)
        traffic(engine, "incumbent", NOW - n * NIGHT, HIGH, 10, answered=1000)
    replay(engine, "incumbent", good(), cost_usd=0.02)
    replay(engine, "cheap", good(), cost_usd=0.01)


@pytest.fixture
def applied(pipeline: Engine, engine: Engine, priced: None) -> None:  # noqa: ARG001
    """`cheap` was recommended and applied automatically at NOW."""
    change(engine, "UPDATE ai_feature_settings SET auto_apply = TRUE WHERE organization_id = :o", o=ACME)
    roll_up(pipeline, now=NOW)
    night(pipeline)
    assert review(pipeline, now=NOW) == ReviewReport(reviewed=1, adopted=1, applied=1, rolled_back=0)


def traffic(
    engine: Engine,
    model: str,
    at: datetime,
    kind: tuple[str, int],
    count: int,
    *,
    answered: int,
    **columns: Any,
) -> None:
    """So many requests of a kind on a day, from noon on."""
    complexity, given = kind
    day = at.replace(hour=12)
    values = {"error": None, "propensity": None, "processing": "standard", "o": ACME} | columns
    name = f"{model}-{day:%m%d}-{complexity}-{values['error']}-{values['processing']}"
    change(engine, TRAFFIC, model=model, name=name, day=day, given=given, answered=answered,
           complexity=complexity, count=count, **values)  # fmt: skip


def after(engine: Engine, n: int, *, low: int = 50, high: int = 50) -> None:
    """A day on the new model, n days after the switch: more high requests than before, with longer answers."""
    traffic(engine, "cheap", NOW + n * NIGHT, LOW, low, answered=80)
    traffic(engine, "cheap", NOW + n * NIGHT, HIGH, high, answered=1500)


def judge(engine: Engine, model: str, since: datetime, score: str) -> None:
    """A check of every answer of a model since a day; `score` is SQL."""
    change(
        engine,
        "INSERT INTO ai_usage_outcomes (organization_id, request_id, kind, score, recorded_at) "
        f"SELECT organization_id, request_id, 'check', {score}, occurred_at + interval '1 hour' FROM "
        "(SELECT *, row_number() OVER (PARTITION BY requested_model ORDER BY occurred_at, request_id) AS i "
        "FROM ai_usage_events) AS e "
        "WHERE requested_model = :m AND occurred_at >= :since ON CONFLICT DO NOTHING",
        m=model,
        since=since,
    )


def look(engine: Engine, n: int) -> ReviewReport:
    """The chain of the n-th night after the switch, without publishing."""
    at = NOW + n * NIGHT
    roll_up(engine, now=at)
    return review(engine, now=at)


def outcome(engine: Engine) -> dict[str, Any]:
    found = rows(
        engine, "SELECT * FROM recommendation_outcomes WHERE adopted ORDER BY reviewed_on DESC LIMIT 1"
    )
    return found[0]


def in_use(engine: Engine) -> uuid.UUID:
    [row] = rows(
        engine, "SELECT current_model_id AS m FROM ai_feature_settings WHERE organization_id = :o", o=ACME
    )
    return row["m"]  # type: ignore[no-any-return]


def per_month(usd_per_day: float) -> Any:
    return pytest.approx(usd_per_day * 30.4375, rel=1e-6)


@pytest.fixture
def was_good(engine: Engine, priced: None) -> None:  # noqa: ARG001
    """95 in 100 answers of the former model were good."""
    judge(engine, "incumbent", NOW - 30 * NIGHT, "(i % 20 <> 0)::integer")
