"""Days are closed after their rollup equals them; what comes late for them is kept aside; they are priced from sums."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from rollup_support import NOW, fill, forget_rollup, rolled_up
from sqlalchemy import Engine, text

from modelscout.analytics.repricing import reprice
from modelscout.analytics.retention import close_expired_days, set_aside_late_outcomes
from modelscout.analytics.rollup import roll_up
from modelscout.core.errors import ConfigurationError
from modelscout.usage.mapping import UsageMapping
from modelscout.usage.quarantine import replay_quarantine

ORGANIZATION = "00000000-0000-0000-0000-00000000000a"
FIRST, LAST = date(2026, 11, 20), date(2026, 11, 22)


@pytest.fixture(autouse=True)
def warehouse(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE organizations, ai_usage_events, ai_usage_outcomes, ai_usage_quarantine, ai_models, "
                "ai_model_prices, usage_closed_days, alerts, audit_log CASCADE"
            )
        )
    forget_rollup(engine)
    fill(engine, 3000)


def value(engine: Engine, sql: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(sql)).scalar()


def execute(engine: Engine, sql: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(sql))


def add_late(engine: Engine, request_id: str, occurred_at: str) -> None:
    execute(
        engine,
        "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, request_id, "
        f"occurred_at, input_tokens) VALUES ('{ORGANIZATION}', 'chat', 'openai', 'luna', '{request_id}', "
        f"'{occurred_at}', 7)",
    )


def test_without_a_policy_nothing_is_deleted(engine: Engine) -> None:
    assert close_expired_days(engine, now=NOW, keep_days=None).closed == ()
    with pytest.raises(ConfigurationError, match="keep_days=0"):
        close_expired_days(engine, now=NOW, keep_days=0)


def test_days_older_than_the_policy_go_and_their_rollup_stays(engine: Engine) -> None:
    roll_up(engine, now=NOW)
    before = rolled_up(engine)
    report = close_expired_days(engine, now=NOW, keep_days=2)
    assert (report.closed, report.kept) == ((date(2026, 11, 19), FIRST), ())
    assert value(engine, "SELECT min(occurred_at)::date FROM ai_usage_events") == date(2026, 11, 21)
    assert value(engine, "SELECT to_regclass('ai_usage_events_20261120')") is None
    roll_up(engine, now=NOW, first_day=FIRST, last_day=LAST)
    assert rolled_up(engine) == before
    assert close_expired_days(engine, now=NOW, keep_days=2).closed == ()


def test_a_day_is_taken_in_before_it_is_closed(engine: Engine) -> None:
    assert FIRST in close_expired_days(engine, now=NOW, keep_days=2).closed
    assert value(engine, "SELECT sum(total_requests) FROM ai_model_analytics") == 3000


@pytest.mark.parametrize(
    ("damage", "figure"),
    [
        (
            "UPDATE ai_model_analytics_hourly SET reasoning_tokens = 1 WHERE hour = '2026-11-20T05:00Z'",
            "reasoning",
        ),
        (
            "UPDATE ai_model_analytics SET total_cost = total_cost + 1e-12 WHERE date = '2026-11-20'",
            "cost_usd",
        ),
        ("DELETE FROM ai_usage_priced_sums WHERE hour = '2026-11-20T05:00Z'", "cost_usd of the sums"),
    ],
)
def test_a_day_that_differs_is_kept_and_is_an_alert(engine: Engine, damage: str, figure: str) -> None:
    roll_up(engine, now=NOW)
    execute(engine, damage)
    report = close_expired_days(engine, now=NOW, keep_days=2)
    assert [day for day, _ in report.kept] == [FIRST]
    assert figure in report.kept[0][1]
    assert (
        value(engine, "SELECT count(*) FROM alerts WHERE kind = 'reconciliation' AND resolved_at IS NULL")
        >= 1
    )
    assert value(engine, "SELECT count(*) > 0 FROM ai_usage_events WHERE occurred_at < '2026-11-21Z'") is True
    roll_up(engine, now=NOW, first_day=FIRST, last_day=FIRST)
    assert FIRST in close_expired_days(engine, now=NOW, keep_days=2).closed
    assert value(engine, "SELECT count(*) FROM alerts WHERE resolved_at IS NULL") == 0


def test_a_day_that_somebody_reads_is_kept_for_the_next_night(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelscout.analytics import retention

    monkeypatch.setattr(retention, "WAIT_FOR_READERS_S", 1)
    roll_up(engine, now=NOW)
    with engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM ai_usage_events"))
        report = close_expired_days(engine, now=NOW, keep_days=2)
    assert report.closed == ()
    assert "in use" in report.kept[0][1]


def test_a_late_event_of_a_closed_day_is_quarantined_once_and_changes_nothing(engine: Engine) -> None:
    roll_up(engine, now=NOW)
    close_expired_days(engine, now=NOW, keep_days=2)
    before = rolled_up(engine)
    execute(engine, "SELECT modelscout.ensure_usage_partitions('2026-11-19', '2026-11-24')")
    for _ in range(2):
        add_late(engine, "late", "2026-11-20T05:30Z")
        assert roll_up(engine, now=NOW).quarantined_events == 1
    assert rolled_up(engine) == before
    assert value(engine, "SELECT count(*) FROM ai_usage_events WHERE request_id = 'late'") == 0
    with engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM ai_usage_quarantine")).one()
    assert str(row.organization_id) == ORGANIZATION
    assert "occurred_at=2026-11-20 05:30:00+00" in row.reason
    assert "MODELSCOUT_USAGE_RETENTION_DAYS" in row.remedy
    assert (row.payload["request_id"], row.payload["input_tokens"]) == ("late", 7)


def add_outcome(engine: Engine, request_id: str, received_at: datetime) -> None:
    execute(
        engine,
        "INSERT INTO ai_usage_outcomes (organization_id, request_id, kind, score, recorded_at, received_at) "
        f"VALUES ('{ORGANIZATION}', '{request_id}', 'rating', 0.25, '{received_at}', '{received_at}') "
        "ON CONFLICT DO NOTHING",
    )


def test_a_late_outcome_of_a_closed_day_is_quarantined_once_and_one_that_was_counted_is_not(
    engine: Engine,
) -> None:
    request = value(
        engine,
        f"SELECT min(request_id) FROM ai_usage_events AS e WHERE organization_id = '{ORGANIZATION}' AND "
        "occurred_at >= '2026-11-20Z' AND occurred_at < '2026-11-21Z'",
    )
    execute(engine, f"UPDATE ai_usage_outcomes SET received_at = '{NOW}'")
    add_outcome(engine, "unknown", NOW)
    week_later = NOW + timedelta(days=8)
    assert set_aside_late_outcomes(engine, now=week_later) == 0
    execute(engine, "UPDATE ai_usage_outcomes SET call_found = FALSE")
    close_expired_days(engine, now=NOW, keep_days=2)
    before = rolled_up(engine)
    add_outcome(engine, request, NOW)
    assert set_aside_late_outcomes(engine, now=NOW + timedelta(days=7)) == 0
    assert set_aside_late_outcomes(engine, now=week_later) == 2
    assert set_aside_late_outcomes(engine, now=week_later) == 0
    assert rolled_up(engine) == before
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM ai_usage_quarantine")).all()
    assert {row.payload["request_id"] for row in rows} == {request, "unknown"}
    assert all("closed days" in row.reason and "replay-quarantine" in row.remedy for row in rows)
    counted = "SELECT count(*) FROM ai_usage_outcomes WHERE request_id NOT IN (SELECT request_id FROM ai_usage_events)"
    assert value(engine, counted) > 0


def test_an_outcome_that_was_put_aside_counts_once_its_call_is_there(engine: Engine) -> None:
    close_expired_days(engine, now=NOW, keep_days=2)
    add_outcome(engine, "came last", NOW)
    week_later = NOW + timedelta(days=8)
    for _ in range(2):
        assert set_aside_late_outcomes(engine, now=week_later) == 1
        assert replay_quarantine(engine, now=NOW, mapping=UsageMapping()).taken_in == 1
        # Replayed in vain: it waits from then on.
        execute(engine, f"UPDATE ai_usage_outcomes SET received_at = '{NOW}' WHERE request_id = 'came last'")
    add_late(engine, "came last", "2026-11-22T05:30Z")
    roll_up(engine, now=NOW)
    judged = value(engine, "SELECT sum(outcome_count) FROM ai_model_analytics WHERE date = '2026-11-22'")
    execute(engine, "DELETE FROM ai_usage_outcomes WHERE request_id = 'came last'")
    roll_up(engine, now=NOW, first_day=LAST, last_day=LAST)
    without = value(engine, "SELECT sum(outcome_count) FROM ai_model_analytics WHERE date = '2026-11-22'")
    assert judged == without + 1
    assert set_aside_late_outcomes(engine, now=week_later) == 0


def test_events_of_a_day_without_a_partition_count_and_move_into_it_when_it_is_made(engine: Engine) -> None:
    add_late(engine, "early", "2026-10-01T05:30Z")
    assert roll_up(engine, now=NOW).quarantined_events == 0
    assert value(engine, "SELECT total_requests FROM ai_model_analytics WHERE date = '2026-10-01'") == 1
    execute(engine, "SELECT modelscout.ensure_usage_partitions('2026-10-01', '2026-10-01')")
    assert value(
        engine, "SELECT tableoid::regclass::text FROM ai_usage_events WHERE request_id = 'early'"
    ) == ("ai_usage_events_20261001")
    assert roll_up(engine, now=NOW).hours == 0


def test_a_closed_day_priced_anew_is_an_open_day_priced_anew(engine: Engine) -> None:
    correct = (
        "UPDATE ai_model_prices SET output_usd_per_million_tokens = 0.913, estimated = TRUE, "
        "cache_read_usd_per_million_tokens = NULL"
    )
    learn = (
        "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, source, "
        "input_usd_per_million_tokens, output_usd_per_million_tokens) "
        "VALUES ('openai', 'unknown-1', 'standard', '2026-11-20T07:00Z', 'test', 3.3, NULL)"
    )
    roll_up(engine, now=NOW)
    first = rolled_up(engine)
    for statement in (correct, learn):
        execute(engine, statement)
    # Rolled back, so that the same day is priced anew both ways.
    reprice(engine, first_day=FIRST, last_day=LAST, actor="ada", now=NOW)
    opened = rolled_up(engine)
    assert opened != first
    execute(engine, "UPDATE ai_model_prices SET output_usd_per_million_tokens = 0.5 WHERE source = 'test'")
    reprice(engine, first_day=FIRST, last_day=LAST, actor="ada", now=NOW)
    close_expired_days(engine, now=NOW + timedelta(days=5), keep_days=1)
    assert value(engine, "SELECT count(*) FROM ai_usage_events") == 0
    execute(
        engine,
        "UPDATE ai_model_prices SET output_usd_per_million_tokens = NULL WHERE provider_model_id <> 'luna'",
    )
    execute(
        engine,
        "UPDATE ai_model_prices SET output_usd_per_million_tokens = 0.913 WHERE provider_model_id = 'luna'",
    )
    report = reprice(engine, first_day=FIRST, last_day=LAST, actor="ada", now=NOW)
    assert (report.events, report.days_without_events, report.requests_left) == (0, 21, 0)
    assert rolled_up(engine) == opened
    assert sum((o.cost_after_usd for o in report.organizations), Decimal(0)) > 0
