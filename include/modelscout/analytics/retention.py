"""Deletes the events of days that are older than the policy asks for, never before their rollup equals them.

What comes in for such a day afterwards changes nothing any more and is put aside, so that people are told: events
with the next rollup (sql/rollup/quarantine_late.sql), outcomes, which name no day, by `set_aside_late_outcomes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from modelscout.analytics.rollup import day_scope, raise_alerts, roll_up
from modelscout.analytics.rollup_slots import ALL_SLOTS, held_slots
from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import run_sql

WAIT_FOR_READERS_S = 10
"""Dropping waits for who reads the events; whoever comes meanwhile waits behind it, so that it does not wait long."""
_LOCK_NOT_AVAILABLE = "55P03"
OUTCOMES_WAIT_DAYS = 7
"""How long an outcome waits for its call: files of calls are imported later than outcomes are recorded."""


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What one night's retention did."""

    closed: tuple[date, ...] = ()
    """Days whose events were deleted."""
    kept: tuple[tuple[date, str], ...] = ()
    """Days that should be closed and were not, each with the reason; the next night tries again."""


def close_expired_days(engine: Engine, *, now: datetime, keep_days: int | None) -> RetentionReport:
    """Close every day that ended more than `keep_days` whole days ago; None closes nothing.

    One transaction a day: nobody adds to it, its rollup is held against its events to the last digit, then they are
    dropped. A difference is an alert and keeps the day. Raises ConfigurationError.
    """
    if keep_days is None:
        return RetentionReport()
    if keep_days < 1:
        raise ConfigurationError(f"keep_days={keep_days}: give at least 1, or none to keep everything")
    first_kept = now.date() - timedelta(days=keep_days)
    with engine.connect() as connection:
        days = connection.execute(text("SELECT modelscout.usage_partition_days()")).scalars().all()
    expired = [day for day in days if day < first_kept]
    if not expired:
        return RetentionReport()
    # What came in late is no difference.
    roll_up(engine, now=now)
    with held_slots(engine, ALL_SLOTS):
        reasons = {day: _close(engine, day, now=now) for day in expired}
    return RetentionReport(
        closed=tuple(day for day, reason in reasons.items() if reason is None),
        kept=tuple((day, reason) for day, reason in reasons.items() if reason is not None),
    )


def _close(engine: Engine, day: date, *, now: datetime) -> str | None:
    """Drop one day's events; returns why not."""
    try:
        with engine.begin() as connection:
            wait = {"wait": f"{WAIT_FOR_READERS_S}s"}
            connection.execute(text("SELECT set_config('lock_timeout', :wait, TRUE)"), wait)
            connection.execute(text("SELECT modelscout.hold_usage_day(:day)"), {"day": day})
            return _drop_reconciled(connection, day, now=now)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        return f"its events were in use for more than {WAIT_FOR_READERS_S} s"


def _drop_reconciled(connection: Connection, day: date, *, now: datetime) -> str | None:
    """Nobody adds to the day any more: what this statement sees is all there will be."""
    scope = day_scope(day, slots=ALL_SLOTS, now=now)
    differences = run_sql(connection, "rollup/reconcile_day", scope)
    if differences:
        raise_alerts(connection, [row for row in differences if row["organization_id"]], now)
        first = differences[0]
        return (
            f"{first['figure']} of organization {first['organization_id'] or '(unknown)'} is {first['expected']} in "
            f"its events and {first['rolled_up']} in its rollup: roll {day} up again by a backfill"
        )
    run_sql(connection, "queries/usage_outcomes_counted", scope)
    connection.execute(text("SELECT modelscout.drop_usage_day(:day, :now)"), {"day": day, "now": now})
    return None


def set_aside_late_outcomes(engine: Engine, *, now: datetime) -> int:
    """Put outcomes into quarantine whose call did not come within OUTCOMES_WAIT_DAYS; returns how many.

    Nothing as long as no day is closed: their calls may still come in. One transaction.
    """
    parameters = {"received_before": now - timedelta(days=OUTCOMES_WAIT_DAYS), "now": now}
    with engine.begin() as connection:
        run_sql(connection, "queries/usage_outcomes_find_calls", parameters)
        return int(run_sql(connection, "queries/usage_outcomes_set_aside", parameters)[0]["outcomes"])
