"""The daily rollup: events in, `ai_model_analytics` out, whole days at a time, every event once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import Row, run_sql, run_sql_many


@dataclass(frozen=True, slots=True)
class RollupReport:
    """What one rollup did."""

    days: int
    """(organization, day) groups rebuilt."""
    events: int
    unpriced_events: int
    differences: tuple[Row, ...]
    """Reconciliation: groups whose rollup differs from their events; empty when all is well."""


def roll_up(
    engine: Engine, *, now: datetime, first_day: date | None = None, last_day: date | None = None
) -> RollupReport:
    """Rebuild every (organization, day) with something new, or the given days (a backfill, both included).

    One transaction under one lock, all of it on one snapshot: two at once, a kill at any instant and inserts
    meanwhile are all safe.
    """
    if (first_day is None) != (last_day is None):
        raise ConfigurationError("give first_day and last_day together, or neither")
    with one_snapshot(engine) as connection:
        run_sql(connection, "rollup/lock")
        added_before = run_sql(connection, "rollup/begin")[0]["added_before"]
        report = rebuild_days(connection, now=now, first_day=first_day, last_day=last_day)
        if first_day is None:
            run_sql(connection, "rollup/advance_state", {"added_before": added_before, "now": now})
    return report


def rebuild_days(
    connection: Connection,
    *,
    now: datetime,
    first_day: date | None,
    last_day: date | None,
    organization_id: str | None = None,
) -> RollupReport:
    """Rebuild the given days, or those with something new, of all organizations or of one.

    The caller holds the rollup's lock in a transaction of `one_snapshot`.
    """
    run_sql(connection, "rollup/find_changed_days", {"first_day": first_day, "last_day": last_day})
    if organization_id is not None:
        connection.execute(
            text("DELETE FROM changed_days WHERE organization_id <> :id"), {"id": organization_id}
        )
    connection.execute(text("ANALYZE changed_days"))
    run_sql(connection, "rollup/add_unknown_models")
    run_sql(connection, "rollup/price_events")
    connection.execute(text("ANALYZE priced_events"))
    run_sql(connection, "rollup/delete_stale_rows")
    run_sql(connection, "rollup/rebuild_days", {"now": now})
    differences = run_sql(connection, "rollup/reconcile")
    counts = connection.execute(
        text(
            "SELECT (SELECT count(*) FROM changed_days) AS days, count(*) AS events, "
            "count(*) - count(cost_usd) AS unpriced FROM priced_events"
        )
    ).one()
    run_sql(connection, "rollup/resolve_alerts", {"now": now})
    _raise_alerts(connection, differences, now)
    return RollupReport(counts.days, counts.events, counts.unpriced, tuple(differences))


@contextmanager
def one_snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction whose statements all see the same events, or what comes in meanwhile looks like a loss."""
    with (
        engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
        connection.begin(),
    ):
        yield connection


def _raise_alerts(connection: Any, differences: list[Row], now: datetime) -> None:
    run_sql_many(
        connection,
        "queries/alert_raise",
        [
            {
                "organization_id": row["organization_id"],
                "kind": "reconciliation",
                "severity": "critical",
                "natural_key": f"reconciliation:{row['organization_id']}:{row['day']}",
                "message": f"The rollup of {row['day']} differs from its events; nothing is published until mended.",
                "details": json.dumps(row, default=str),
                "now": now,
                "simulated": False,
            }
            for row in differences
        ],
    )
