"""The rollup beside writers, beside itself, and its alarm: raised for a real difference only, and taken back."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from modelscout.analytics import rollup
from modelscout.analytics.rollup import roll_up

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = NOW.date()
ACME = uuid.UUID(int=0xA)


@pytest.fixture(autouse=True)
def warehouse(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("TRUNCATE organizations, ai_usage_events, ai_models, usage_rollup_state, alerts CASCADE")
        )
        connection.execute(text("SELECT modelscout.ensure_usage_partitions('2026-11-22', '2026-11-24')"))
        connection.execute(text("INSERT INTO organizations (id, slug) VALUES (:o, 'acme')"), {"o": ACME})


def add_event(engine: Engine, request_id: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, request_id, "
                "occurred_at, input_tokens) VALUES (:o, 'chat', 'openai', 'm', :r, :at, 10)"
            ),
            {"o": ACME, "r": request_id, "at": NOW},
        )


def value(engine: Engine, sql: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(sql)).scalar()


ROLLED = "SELECT sum(total_requests) FROM ai_model_analytics"
OPEN_ALERTS = "SELECT count(*) FROM alerts WHERE kind = 'reconciliation' AND resolved_at IS NULL"


@pytest.mark.parametrize(
    "step", ["rollup/find_changed_days", "rollup/price_events", "rollup/rebuild_days", "rollup/reconcile"]
)
def test_an_event_that_comes_in_meanwhile_is_for_the_next_rollup(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    add_event(engine, "before")
    original = rollup.run_sql

    def run_sql(connection: Connection, name: str, parameters: Any = None) -> Any:
        if name == step:
            add_event(engine, "meanwhile")
        return original(connection, name, parameters)

    monkeypatch.setattr(rollup, "run_sql", run_sql)
    assert roll_up(engine, now=NOW).differences == ()
    assert value(engine, OPEN_ALERTS) == 0
    monkeypatch.undo()
    roll_up(engine, now=NOW)
    assert value(engine, ROLLED) == 2


def test_two_at_once_count_every_event_once(engine: Engine) -> None:
    for number in range(20):
        add_event(engine, f"r{number}")
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda _: roll_up(engine, now=NOW), range(3)))
    assert [r.differences for r in reports] == [(), (), ()]
    assert value(engine, ROLLED) == 20


def test_a_difference_is_an_alert_until_a_rollup_finds_the_day_in_order(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_event(engine, "a")
    original = rollup.run_sql

    def losing(connection: Connection, name: str, parameters: Any = None) -> Any:
        if name == "rollup/reconcile":
            connection.execute(text("UPDATE ai_model_analytics SET total_requests = 7"))
        return original(connection, name, parameters)

    monkeypatch.setattr(rollup, "run_sql", losing)
    for _ in range(2):
        assert len(roll_up(engine, now=NOW, first_day=DAY, last_day=DAY).differences) == 1
        assert value(engine, OPEN_ALERTS) == 1
    monkeypatch.undo()
    assert roll_up(engine, now=NOW, first_day=DAY, last_day=DAY).differences == ()
    assert value(engine, OPEN_ALERTS) == 0
