"""Deletes the events of days that are older than the policy asks for, never before their rollup equals them."""

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
    differences = run_sql(connection, "rollup/reconcile_day", day_scope(day, slots=ALL_SLOTS, now=now))
    if differences:
        raise_alerts(connection, [row for row in differences if row["organization_id"]], now)
        first = differences[0]
        return (
            f"{first['figure']} of organization {first['organization_id'] or '(unknown)'} is {first['expected']} in "
            f"its events and {first['rolled_up']} in its rollup: roll {day} up again by a backfill"
        )
    connection.execute(text("SELECT modelscout.drop_usage_day(:day, :now)"), {"day": day, "now": now})
    return None
