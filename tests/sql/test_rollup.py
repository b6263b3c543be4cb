"""The rollup through its public function, on real Postgres."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from modelscout.analytics.rollup import roll_up

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORGANIZATION = uuid.UUID("00000000-0000-0000-0000-00000000000a")


@pytest.fixture(autouse=True)
def warehouse(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE ai_usage_events, ai_usage_outcomes, ai_model_analytics, ai_usage_quarantine, "
                "usage_rollup_state, usage_closed_days, "
                "organizations, ai_models, ai_model_prices CASCADE"
            )
        )
        connection.execute(text("SELECT modelscout.ensure_usage_partitions('2026-11-20', '2026-11-24')"))
        connection.execute(
            text("INSERT INTO organizations (id, name) VALUES (:id, 'Acme')"), {"id": ORGANIZATION}
        )
        connection.execute(
            text(
                "INSERT INTO ai_models (provider, provider_model_id, name) VALUES ('openai', 'gpt-6-luna', 'Luna')"
            )
        )
        for valid_from, output in (("2026-01-01", "0.5"), ("2026-11-22", "1")):
            connection.execute(
                text(
                    "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
                    "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
                    "VALUES ('openai', 'gpt-6-luna', 'standard', :valid_from, 0.1, :output, 'test')"
                ),
                {"valid_from": f"{valid_from}T00:00:00Z", "output": output},
            )


def add_event(engine: Engine, request_id: str, **values: Any) -> None:
    row: dict[str, Any] = {
        "organization_id": ORGANIZATION,
        "feature_id": "chat",
        "provider": "openai",
        "requested_model": "gpt-6-luna",
        "request_id": request_id,
        "occurred_at": NOW - timedelta(days=1),
        "input_tokens": 1000,
        "output_tokens": 100,
        "duration_ms": 800,
        "user_hash": "u1",
    } | values
    columns = ", ".join(row)
    names = ", ".join(f":{name}" for name in row)
    with engine.begin() as connection:
        connection.execute(
            text(f"INSERT INTO ai_usage_events ({columns}) VALUES ({names}) ON CONFLICT DO NOTHING"), row
        )


def analytics(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT a.*, m.provider_model_id FROM ai_model_analytics AS a JOIN ai_models AS m "
                "ON m.id = a.model_id ORDER BY a.date, m.provider_model_id"
            )
        ).mappings()
        return [dict(row) for row in rows]


def test_events_are_priced_at_their_own_day(engine: Engine) -> None:
    add_event(engine, "before", occurred_at=datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC))
    add_event(engine, "after", occurred_at=datetime(2026, 11, 22, 0, 0, 0, tzinfo=UTC))
    report = roll_up(engine, now=NOW)
    assert (report.days, report.events, report.differences) == (2, 2, ())
    assert [row["total_cost"] for row in analytics(engine)] == [Decimal("0.00015"), Decimal("0.0002")]


def test_an_unknown_model_counts_and_its_price_stays_unknown(engine: Engine) -> None:
    add_event(engine, "known")
    add_event(engine, "unknown", requested_model="gpt-99")
    roll_up(engine, now=NOW)
    unknown = next(row for row in analytics(engine) if row["provider_model_id"] == "gpt-99")
    assert unknown["total_cost"] is None
    assert (unknown["total_requests"], unknown["unpriced_requests"]) == (1, 1)


def test_a_dated_id_belongs_to_its_model(engine: Engine) -> None:
    add_event(engine, "dated", requested_model="gpt-6-luna-2026-10-01")
    roll_up(engine, now=NOW)
    assert [row["provider_model_id"] for row in analytics(engine)] == ["gpt-6-luna"]


def test_a_redelivered_event_counts_once_and_a_second_run_changes_nothing(engine: Engine) -> None:
    add_event(engine, "a")
    add_event(engine, "a")
    roll_up(engine, now=NOW)
    first = analytics(engine)
    roll_up(engine, now=NOW, first_day=date(2026, 11, 20), last_day=date(2026, 11, 23))
    assert analytics(engine) == first
    assert first[0]["total_requests"] == 1


def test_only_what_is_new_is_rebuilt_and_a_late_event_for_an_old_day_is_found(engine: Engine) -> None:
    add_event(engine, "a")
    add_event(engine, "b", occurred_at=NOW - timedelta(days=3))
    assert roll_up(engine, now=NOW).days == 2
    assert roll_up(engine, now=NOW).days == 0
    add_event(engine, "late", occurred_at=NOW - timedelta(days=3))
    assert roll_up(engine, now=NOW).days == 1
    assert sum(row["total_requests"] for row in analytics(engine)) == 3


def test_a_late_outcome_rebuilds_the_day_of_its_request(engine: Engine) -> None:
    add_event(engine, "a")
    roll_up(engine, now=NOW)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO ai_usage_outcomes VALUES (:o, 'a', 'check', 0.75, :now)"),
            {"o": ORGANIZATION, "now": NOW},
        )
    roll_up(engine, now=NOW)
    row = analytics(engine)[0]
    assert (row["outcome_count"], row["outcome_score_sum"]) == (1, Decimal("0.75"))


def test_errors_latency_and_users_are_kept_mergeable(engine: Engine) -> None:
    durations = [10, 100, 999, 5000, 60_000]
    for number, duration in enumerate(durations):
        add_event(engine, f"r{number}", duration_ms=duration, user_hash=f"u{number % 3}")
    add_event(engine, "bad", error_type="rate_limited", input_tokens=0, output_tokens=0, duration_ms=5)
    roll_up(engine, now=NOW)
    row = analytics(engine)[0]
    assert row["errors_by_type"] == {"rate_limited": 1}
    assert row["success_rate"] == Decimal("0.8333")
    assert len(row["user_sketch"]) == 3
    middles = sorted(2 * 1.02 ** int(b) / 2.02 for b, n in row["latency_histogram"].items() for _ in range(n))
    for duration, middle in zip([5, *durations], middles, strict=True):
        assert abs(middle - duration) / duration <= 0.0101


def hours(engine: Engine) -> list[tuple[int, int]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT extract(hour FROM hour)::integer, total_requests::integer FROM ai_model_analytics_hourly "
                "ORDER BY hour"
            )
        )
        return [(row[0], row[1]) for row in rows]


def test_a_late_event_makes_its_hour_anew_and_the_day_is_all_of_its_hours(engine: Engine) -> None:
    for number, hour in enumerate((0, 5, 5, 23)):
        add_event(engine, f"r{number}", occurred_at=datetime(2026, 11, 22, hour, 59, 59, tzinfo=UTC))
    assert roll_up(engine, now=NOW).events == 4
    add_event(engine, "late", occurred_at=datetime(2026, 11, 22, 5, 0, 0, tzinfo=UTC), user_hash="u2")
    report = roll_up(engine, now=NOW)
    assert (report.days, report.hours, report.events) == (1, 1, 3)
    assert hours(engine) == [(0, 1), (5, 3), (23, 1)]
    row = analytics(engine)[0]
    assert (row["total_requests"], len(row["user_sketch"])) == (5, 2)
    assert sum(row["latency_histogram"].values()) == 5


def test_much_that_is_new_makes_the_whole_day_anew(engine: Engine) -> None:
    for hour in (1, 9, 17):
        add_event(engine, f"r{hour}", occurred_at=datetime(2026, 11, 22, hour, tzinfo=UTC))
    roll_up(engine, now=NOW)
    for number in range(2):
        add_event(engine, f"late{number}", occurred_at=datetime(2026, 11, 22, 9, 30, number, tzinfo=UTC))
    report = roll_up(engine, now=NOW)
    assert (report.hours, report.events, report.differences) == (24, 5, ())
    assert hours(engine) == [(1, 1), (9, 3), (17, 1)]
    assert roll_up(engine, now=NOW).days == 0


def test_two_names_of_one_model_share_a_row_with_the_latencies_and_users_of_both(engine: Engine) -> None:
    names = ("gpt-6-luna", "gpt-6-luna-2026-10-01", "gpt-6-luna-2026-10-01")
    for number, name in enumerate(names):
        add_event(
            engine, f"r{number}", requested_model=name, duration_ms=10 ** (number + 1), user_hash=f"u{number}"
        )
    roll_up(engine, now=NOW)
    [row] = analytics(engine)
    assert (row["total_requests"], sum(row["latency_histogram"].values())) == (3, 3)
    assert (len(row["latency_histogram"]), len(row["user_sketch"])) == (3, 3)


def test_hours_far_apart_leave_those_between_alone(engine: Engine) -> None:
    for hour in range(24):
        add_event(engine, f"r{hour}", occurred_at=datetime(2026, 11, 22, hour, tzinfo=UTC))
    roll_up(engine, now=NOW)
    for hour in (1, 20):
        add_event(engine, f"late{hour}", occurred_at=datetime(2026, 11, 22, hour, 30, tzinfo=UTC))
    report = roll_up(engine, now=NOW)
    assert (report.hours, report.events, report.differences) == (2, 4, ())
    assert analytics(engine)[0]["total_requests"] == 26


def test_the_order_in_which_events_come_in_changes_nothing(engine: Engine) -> None:
    moments = [datetime(2026, 11, 22, hour, 30, tzinfo=UTC) for hour in (3, 1, 2, 1)]

    def rolled(order: list[int], *, at_once: bool) -> list[dict[str, Any]]:
        with engine.begin() as connection:
            connection.execute(
                text(
                    "TRUNCATE ai_usage_events, ai_model_analytics, ai_model_analytics_hourly, usage_rollup_state"
                )
            )
        for number in order:
            add_event(engine, f"r{number}", occurred_at=moments[number], duration_ms=100 * number)
            if not at_once:
                roll_up(engine, now=NOW)
        roll_up(engine, now=NOW)
        return analytics(engine)

    assert rolled([0, 1, 2, 3], at_once=True) == rolled([3, 2, 0, 1], at_once=False)


def test_an_organization_that_nobody_knows_waits_for_a_backfill(engine: Engine) -> None:
    unknown = uuid.UUID(int=0xF)
    add_event(engine, "a", organization_id=unknown)
    assert roll_up(engine, now=NOW).events == 0
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO organizations (id, slug) VALUES (:o, 'new')"), {"o": unknown})
    day = date(2026, 11, 22)
    assert roll_up(engine, now=NOW, first_day=day, last_day=day).events == 1


def test_each_shard_keeps_its_own_state(engine: Engine) -> None:
    from modelscout.analytics.rollup_slots import ALL_SLOTS, plan_shards

    add_event(engine, "a")
    with engine.connect() as connection:
        slot = connection.execute(text("SELECT modelscout.rollup_slot(:o)"), {"o": ORGANIZATION}).scalar()
    others = [s for s in ALL_SLOTS if s != slot]
    assert roll_up(engine, now=NOW, slots=others).events == 0
    assert roll_up(engine, now=NOW, slots=[slot]).events == 1
    assert plan_shards(engine, shards=4) == [list(ALL_SLOTS)]


def test_the_first_shards_go_by_the_events_that_wait(engine: Engine) -> None:
    from modelscout.analytics.rollup_slots import plan_shards

    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO organizations (slug) SELECT 'o' || i FROM generate_series(1, 40) AS i")
        )
        connection.execute(
            text(
                "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, request_id, "
                "occurred_at) SELECT :o, 'chat', 'openai', 'gpt-6-luna', 'r' || i, :at "
                "FROM generate_series(1, 20000) AS i"
            ),
            {"o": ORGANIZATION, "at": NOW - timedelta(days=1)},
        )
        [slot] = connection.execute(text("SELECT modelscout.rollup_slot(:o)"), {"o": ORGANIZATION}).scalars()
    assert [slot] in plan_shards(engine, shards=2)


def test_a_price_that_begins_inside_an_hour_divides_it(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE ai_model_prices SET valid_from = '2026-11-22T08:30Z' WHERE valid_from = '2026-11-22'"
            )
        )
    for minute in (29, 30, 31):
        add_event(engine, f"r{minute}", occurred_at=datetime(2026, 11, 22, 8, minute, tzinfo=UTC))
    assert roll_up(engine, now=NOW).differences == ()
    row = analytics(engine)[0]
    assert (row["total_cost"], row["unpriced_requests"]) == (Decimal("0.00055"), 0)
