"""Trends, the last hour and all organizations' use, on rows made by hand; others' rows beside them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from modelscout.analytics.live import LiveHour, live_hour, organizations_by_cost, recent_hours
from modelscout.analytics.scope import Scope
from modelscout.analytics.trend import Split, Step, Trend, trend
from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import open_engine

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ACME, OTHER, QUIET = (str(uuid.UUID(int=n)) for n in (0xA, 0xB, 0xC))
MODELS = {name: str(uuid.UUID(int=0x100 + n)) for n, name in enumerate(("large", "middle", "small", "tiny"))}
MONDAY = date(2026, 11, 16)
HOURLY = (
    "INSERT INTO ai_model_analytics_hourly (organization_id, hour, feature_id, model_id, total_requests, "
    "success_count, error_count, duration_sum_ms, duration_count, latency_histogram, confidence_sum, "
    "confidence_count, outcome_score_sum, outcome_count, input_tokens, output_tokens, cache_read_tokens, "
    "cache_write_tokens, cache_write_1h_tokens, reasoning_tokens, image_tokens, image_count, operations, total_cost, "
    "priced_requests, unpriced_requests, estimated_requests, simulated, rolled_up_at) VALUES (:o, :hour, 'chat', :m, "
    ":n, :n - 1, 1, 0, 0, '{}', 0, 0, 0, 0, 10, 5, 0, 0, 0, 0, 0, 0, 0, :cost, :n, 0, 0, FALSE, now())"
)


def add(c: Connection, organization: str, model: str, on: date, requests: int, **given: Any) -> None:
    row = {
        "feature_id": "chat",
        "success_count": requests,
        "latency_histogram": "{}",
        "errors_by_type": "{}",
        "total_cost": None,
        "priced_requests": 0,
        "unpriced_requests": 0,
    } | given
    names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    c.execute(
        text(
            f"INSERT INTO ai_model_analytics (organization_id, model_id, date, total_requests, {names}) "
            f"VALUES (:o, :m, :on, :n, {values})"
        ),
        row | {"o": organization, "m": MODELS[model], "on": on, "n": requests},
    )


def event(c: Connection, organization: str, at: datetime, ms: int | None, error: str | None = None) -> None:
    c.execute(
        text(
            "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, request_id, "
            "occurred_at, input_tokens, output_tokens, duration_ms, error_type, simulated) VALUES (:o, 'chat', "
            "'openai', 'large', gen_random_uuid()::text, :at, 10, 5, :ms, :error, TRUE)"
        ),
        {"o": organization, "at": at, "ms": ms, "error": error},
    )


@pytest.fixture(scope="module")
def engine(warehouse_url: str) -> Iterator[Engine]:
    opened = open_engine(warehouse_url)
    with opened.begin() as c:
        for slug, organization in (("acme", ACME), ("other", OTHER), ("quiet", QUIET)):
            c.execute(
                text("INSERT INTO organizations (id, slug, name) VALUES (:o, :s, :s)"),
                {"o": organization, "s": slug},
            )
        for name, model in MODELS.items():
            c.execute(
                text(
                    "INSERT INTO ai_models (id, provider, provider_model_id, name) VALUES (:i, 'openai', :n, :n)"
                ),
                {"i": model, "n": name},
            )
        fill(c)
    yield opened
    opened.dispose()


def fill(c: Connection) -> None:
    histogram = json.dumps({"300": 80, "340": 10})
    add(c, ACME, "large", MONDAY, 100, success_count=90, latency_histogram=histogram, total_cost=Decimal("0.5"),
        priced_requests=100, errors_by_type='{"timeout": 7, "rate_limited": 3}')  # fmt: skip
    add(c, ACME, "large", MONDAY + timedelta(days=1), 100, latency_histogram='{"350": 100}',
        total_cost=Decimal("0.25"), priced_requests=100, errors_by_type='{"timeout": 1}')  # fmt: skip
    add(c, ACME, "middle", MONDAY, 50, feature_id="search", unpriced_requests=50)
    add(c, ACME, "small", MONDAY, 10, total_cost=Decimal("0.1"), priced_requests=10)
    add(c, ACME, "tiny", MONDAY + timedelta(days=7), 5, total_cost=Decimal("0.2"), priced_requests=5)
    add(c, OTHER, "large", MONDAY, 10**6, success_count=1, total_cost=Decimal(999), priced_requests=10**6)
    for organization, back, n, cost in ((ACME, 1, 10, 1), (ACME, 2, 7, 1), (OTHER, 1, 20, None)):
        hour = NOW - timedelta(hours=back)
        c.execute(text(HOURLY), {"o": organization, "hour": hour, "m": MODELS["large"], "n": n, "cost": cost})
    for minutes, ms, error in ((1, 100, None), (1, 200, None), (2, 300, "timeout"), (59, None, "refused")):
        event(c, ACME, NOW - timedelta(minutes=minutes), ms, error)
    event(c, ACME, NOW - timedelta(minutes=61), 10**6)
    event(c, ACME, NOW + timedelta(seconds=1), 10**6)
    event(c, OTHER, NOW - timedelta(minutes=1), 10**6)


def ask(engine: Engine, **how: Any) -> Trend:
    with engine.connect() as c:
        return trend(c, Scope(ACME, MONDAY - timedelta(days=3), NOW.date()), **how)


def test_the_whole_range_and_its_days_are_merged(engine: Engine) -> None:
    found = ask(engine)
    assert [(p.starts_at, p.requests) for p in found.points] == [
        (datetime(2026, 11, 16, tzinfo=UTC), 160),
        (datetime(2026, 11, 17, tzinfo=UTC), 100),
        (datetime(2026, 11, 23, tzinfo=UTC), 5),
    ]
    total = found.total
    assert total is not None
    assert (total.requests, total.success_rate, total.unpriced_requests) == (265, 255 / 265, 50)
    # 80 in bucket 300, 10 in 340, 100 in 350: the 95th of 190 is the 96th, the first of bucket 350.
    assert (total.p50_ms, total.p95_ms) == pytest.approx((1.02**350 / 1.01,) * 2, rel=1e-3)
    assert total.cost_usd == Decimal("1.05")
    assert total.cost_per_request_usd is None, "50 of 265 without a price are too many"
    assert [(e.error_type, e.requests) for e in found.errors] == [("timeout", 8), ("rate_limited", 3)]


def test_a_step_without_a_known_cost_costs_nothing_known(engine: Engine) -> None:
    middle = [p for p in ask(engine, split=Split.MODEL).points if p.part == "openai/middle"]
    assert [(p.cost_usd, p.cost_per_request_usd, p.unpriced_requests) for p in middle] == [(None, None, 50)]


def test_weeks_begin_on_monday(engine: Engine) -> None:
    assert [(p.starts_at, p.requests) for p in ask(engine, step=Step.WEEK).points] == [
        (datetime(2026, 11, 16, tzinfo=UTC), 260),
        (datetime(2026, 11, 23, tzinfo=UTC), 5),
    ]


def test_parts_that_do_not_stand_alone_are_one_and_the_sum_stays(engine: Engine) -> None:
    found = ask(engine, split=Split.MODEL, most=2)
    assert {p.part for p in found.points} == {"openai/large", "openai/middle", None}
    rest = [p for p in found.points if p.is_rest]
    assert [(p.requests, p.cost_usd) for p in rest] == [(10, Decimal("0.1")), (5, Decimal("0.2"))]
    assert found.total == ask(engine).total
    assert sum(p.requests for p in found.points) == 265


def test_parts_by_feature(engine: Engine) -> None:
    parts: dict[str | None, int] = {}
    for point in ask(engine, split=Split.FEATURE).points:
        parts[point.part] = parts.get(point.part, 0) + point.requests
    assert parts == {"chat": 215, "search": 50}


def test_hours_come_from_the_hourly_rollup_and_are_bounded(engine: Engine) -> None:
    with engine.connect() as c:
        found = trend(c, Scope(ACME, NOW.date(), NOW.date()), step=Step.HOUR)
    assert [(p.starts_at, p.requests) for p in found.points] == [
        (NOW - timedelta(hours=2), 7),
        (NOW - timedelta(hours=1), 10),
    ]
    with engine.connect() as c, pytest.raises(ConfigurationError, match="at most 14 days"):
        trend(c, Scope(ACME, NOW.date() - timedelta(days=14), NOW.date()), step=Step.HOUR)


def test_nothing_is_a_trend_without_a_total(engine: Engine) -> None:
    with engine.connect() as c:
        found = trend(c, Scope(QUIET, MONDAY, NOW.date()))
    assert found == Trend((), None, (), simulated=False)


def test_the_last_hour_is_that_of_the_events(engine: Engine) -> None:
    with engine.connect() as c:
        hour = live_hour(c, ACME, now=NOW)
    assert (hour.requests, hour.success_rate, hour.input_tokens, hour.output_tokens) == (4, 0.5, 40, 20)
    assert (hour.p50_ms, hour.p99_ms) == pytest.approx((200, 300), rel=0.01)
    assert hour.latest_at == NOW - timedelta(minutes=1)
    assert {(e.error_type, e.requests) for e in hour.errors} == {("timeout", 1), ("refused", 1)}
    assert [(m.minute, m.requests, m.failed_requests) for m in hour.minutes] == [
        (NOW - timedelta(minutes=59), 1, 1),
        (NOW - timedelta(minutes=2), 1, 1),
        (NOW - timedelta(minutes=1), 2, 0),
    ]
    assert hour.minutes[0].p50_ms is None
    assert hour.simulated


def test_an_hour_without_calls_knows_nothing(engine: Engine) -> None:
    with engine.connect() as c:
        hour = live_hour(c, QUIET, now=NOW)
    assert isinstance(hour, LiveHour)
    assert (hour.requests, hour.success_rate, hour.p50_ms, hour.minutes) == (0, None, None, ())


def test_the_last_hour_is_found_by_the_index_of_its_days_partition(engine: Engine) -> None:
    with engine.begin() as c:
        c.execute(text("SELECT modelscout.ensure_usage_partitions('2026-11-01', '2026-11-30')"))
        c.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(
            c.execute(
                text(
                    "EXPLAIN SELECT * FROM ai_usage_events WHERE organization_id = cast(:o AS uuid) "
                    "AND occurred_at > cast(:a AS timestamptz) AND occurred_at <= cast(:b AS timestamptz)"
                ),
                {"o": ACME, "a": NOW - timedelta(hours=1), "b": NOW},
            ).scalars()
        )
    assert plan.count("20261124") >= 1
    assert "20261123" not in plan
    assert "Index Cond" in plan


def test_recent_hours_of_the_organizations_that_are_asked_for(engine: Engine) -> None:
    with engine.connect() as c:
        both, one = recent_hours(c, None, now=NOW), recent_hours(c, [ACME], now=NOW)
        none = recent_hours(c, [], now=NOW)
    assert both.total is not None
    assert (both.total.requests, both.total.organizations, both.total.cost_usd) == (30, 2, Decimal(1))
    assert one.total is not None
    assert (one.total.requests, len(one.hours)) == (10, 1)
    assert (none.total, none.hours) == (None, ())


def test_organizations_by_cost(engine: Engine) -> None:
    with engine.connect() as c:
        found = organizations_by_cost(c, None, since=MONDAY, until=MONDAY, most=10)
        own = organizations_by_cost(c, [ACME], since=MONDAY, until=MONDAY, most=10)
        with pytest.raises(ConfigurationError):
            organizations_by_cost(c, None, since=MONDAY, until=MONDAY + timedelta(days=7), most=10)
    assert [(o.organization, o.cost_usd) for o in found] == [
        ("other", Decimal(999)),
        ("acme", Decimal("0.6")),
    ]
    assert [o.organization for o in own] == ["acme"]
