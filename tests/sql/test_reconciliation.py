"""The rollup beside writers, beside itself, and its alarm: raised for a real difference only, and taken back."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from modelscout.analytics.rollup import roll_up

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = NOW.date()
ACME, GLOBEX = uuid.UUID(int=0xA), uuid.UUID(int=0xB)
ROLLED = "SELECT sum(total_requests) FROM ai_model_analytics"
OPEN_ALERTS = "SELECT count(*) FROM alerts WHERE kind = 'reconciliation' AND resolved_at IS NULL"


@pytest.fixture(autouse=True)
def warehouse(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE organizations, ai_usage_events, ai_models, usage_rollup_state, alerts CASCADE; "
                "DROP TRIGGER IF EXISTS broken ON ai_model_analytics_hourly"
            )
        )
        connection.execute(text("SELECT modelscout.ensure_usage_partitions('2026-11-22', '2026-11-24')"))
        for organization, slug in ((ACME, "acme"), (GLOBEX, "globex")):
            connection.execute(
                text("INSERT INTO organizations (id, slug) VALUES (:o, :s)"), {"o": organization, "s": slug}
            )


def add_event(engine: Engine, request_id: str, organization: uuid.UUID = ACME) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, request_id, "
                "occurred_at, input_tokens) VALUES (:o, 'chat', 'openai', 'm', :r, :at, 10)"
            ),
            {"o": organization, "r": request_id, "at": NOW},
        )


def value(engine: Engine, sql: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(sql)).scalar()


def break_hours(engine: Engine, body: str) -> None:
    """Let every hourly row pass through `body` as it is written."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION pg_temp_broken() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$BEGIN {body} RETURN NEW; END$$"
        )
        connection.exec_driver_sql(
            "CREATE OR REPLACE TRIGGER broken BEFORE INSERT ON ai_model_analytics_hourly "
            "FOR EACH ROW EXECUTE FUNCTION pg_temp_broken()"
        )


def mend_hours(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER broken ON ai_model_analytics_hourly"))


def test_events_that_come_in_meanwhile_are_for_the_next_rollup(engine: Engine) -> None:
    add_event(engine, "first")
    break_hours(engine, "PERFORM pg_sleep(0.5);")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(roll_up, engine, now=NOW)
        while not running.done():
            add_event(engine, uuid.uuid4().hex)
        assert running.result().differences == ()
    assert value(engine, OPEN_ALERTS) == 0
    assert 1 <= value(engine, ROLLED) < value(engine, "SELECT count(*) FROM ai_usage_events")
    mend_hours(engine)
    roll_up(engine, now=NOW)
    assert value(engine, ROLLED) == value(engine, "SELECT count(*) FROM ai_usage_events") > 1


def test_an_event_of_a_transaction_that_was_open_during_a_rollup_is_found_by_the_next(engine: Engine) -> None:
    with engine.connect() as slow:
        slow.execute(
            text(
                "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, request_id, "
                "occurred_at, input_tokens) VALUES (:o, 'chat', 'openai', 'm', 'slow', :at, 10)"
            ),
            {"o": ACME, "at": NOW},
        )
        add_event(engine, "quick")
        assert roll_up(engine, now=NOW).events == 1
        slow.commit()
    assert roll_up(engine, now=NOW).events == 2
    assert value(engine, ROLLED) == 2


def test_two_at_once_count_every_event_once(engine: Engine) -> None:
    for number in range(20):
        add_event(engine, f"r{number}")
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda _: roll_up(engine, now=NOW), range(3)))
    assert [r.differences for r in reports] == [(), (), ()]
    assert value(engine, ROLLED) == 20
    assert sorted(r.events for r in reports) == [0, 0, 20]


@pytest.mark.parametrize(
    ("loss", "figure"),
    [
        ("NEW.total_requests := NEW.total_requests + 1;", "requests"),
        ("NEW.cache_write_1h_tokens := 1;", "cache_write_1h_tokens"),
        ("NEW.total_cost := 0.000000000001;", "cost_usd"),
    ],
)
def test_a_difference_is_an_alert_until_a_rollup_finds_the_day_in_order(
    engine: Engine, loss: str, figure: str
) -> None:
    add_event(engine, "a")
    break_hours(engine, loss)
    for _ in range(2):
        differences = roll_up(engine, now=NOW, first_day=DAY, last_day=DAY).differences
        assert [(d["organization_id"], d["figure"]) for d in differences] == [(str(ACME), figure)]
        assert value(engine, OPEN_ALERTS) == 1
    mend_hours(engine)
    assert roll_up(engine, now=NOW, first_day=DAY, last_day=DAY).differences == ()
    assert value(engine, OPEN_ALERTS) == 0


def test_a_day_that_is_not_its_hours_is_a_difference(engine: Engine) -> None:
    add_event(engine, "a")
    roll_up(engine, now=NOW)
    # Another hour of the day, which this rollup does not make anew.
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION broken_day() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN NEW.output_tokens := 7; RETURN NEW; END$$; "
            "CREATE TRIGGER broken_day BEFORE INSERT OR UPDATE ON ai_model_analytics "
            "FOR EACH ROW EXECUTE FUNCTION broken_day()"
        )
    add_event(engine, "b")
    differences = roll_up(engine, now=NOW).differences
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP FUNCTION broken_day CASCADE")
    assert [(d["scope"], d["figure"], d["expected"], d["rolled_up"]) for d in differences] == [
        ("day", "output_tokens", "0", "7")
    ]


def test_a_difference_blocks_its_organization_alone(engine: Engine) -> None:
    from modelscout.recommender.publish import blocked_organizations

    for organization in (ACME, GLOBEX):
        add_event(engine, "a", organization)
    break_hours(engine, f"IF NEW.organization_id = '{ACME}' THEN NEW.input_tokens := 9; END IF;")
    roll_up(engine, now=NOW)
    with engine.connect() as connection:
        assert blocked_organizations(connection) == {str(ACME)}
