"""The rollup: events in, hours and days out, whole (organization, hour) groups at a time, every event once.

What the steps do stands in sql/rollup, in the order of `roll_up_day`; how and why in docs/analytics.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from modelscout.analytics.rollup_slots import ALL_SLOTS, held_slots
from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import Row, run_sql, run_sql_many

TABLE_OF_STEP = {
    "find_changed_hours": "changed_hours",
    "find_stored_hours": "changed_hours",
    "find_runs": "changed_runs",
    "sum_events": "usage_sums",
    "find_kinds": "usage_kinds",
    "find_stored_kinds": "usage_kinds",
    "find_prices": "usage_prices",
    "name_models": "named_models",
    "price_sums": "priced_sums",
}
"""Work tables by the step that makes them: later steps join them, and the planner has to know how large they are."""
STEPS_FROM_SUMS = (
    "add_unknown_models", "find_kinds", "find_prices", "name_models", "price_sums", "sketch_hours", "score_hours",
    "replace_sums", "delete_hours", "write_hours", "delete_stale_days", "write_days", "write_organization_days",
)  # fmt: skip
"""From the sums of the events to the rows that people read."""


@dataclass(frozen=True, slots=True)
class RollupReport:
    """What one rollup did."""

    days: int = 0
    """(organization, day) groups rebuilt."""
    hours: int = 0
    """(organization, hour) groups rebuilt."""
    events: int = 0
    """Events of these hours, those that were rolled up before too."""
    unpriced_events: int = 0
    quarantined_events: int = 0
    """Events that came in for a closed day."""
    differences: tuple[Row, ...] = ()
    """Reconciliation: figures of an organization and day that differ from its events; empty when all is well."""

    def __add__(self, other: RollupReport) -> RollupReport:
        return RollupReport(
            self.days + other.days,
            self.hours + other.hours,
            self.events + other.events,
            self.unpriced_events + other.unpriced_events,
            self.quarantined_events + other.quarantined_events,
            self.differences + other.differences,
        )


def roll_up(
    engine: Engine,
    *,
    now: datetime,
    first_day: date | None = None,
    last_day: date | None = None,
    slots: Sequence[int] = ALL_SLOTS,
) -> RollupReport:
    """Rebuild every (organization, hour) with something new, or the given days (a backfill, both included).

    `slots` are the organizations of one shard. One transaction a day, all of it on one snapshot, and the state of
    the slots last: two at once, a kill at any instant and inserts meanwhile are all safe. Raises ConfigurationError.
    """
    if (first_day is None) != (last_day is None):
        raise ConfigurationError("give first_day and last_day together, or neither")
    total = RollupReport()
    with held_slots(engine, slots) as connection:
        if first_day is not None and last_day is not None:
            for number in range((last_day - first_day).days + 1):
                with connection.begin():
                    total += roll_up_day(
                        connection, first_day + timedelta(number), slots=slots, since=None, now=now
                    )
            return total
        with connection.begin():
            state = run_sql(connection, "rollup/read_state", {"slots": list(slots)})[0]
            changed = run_sql(
                connection, "rollup/find_changed_days", {"slots": list(slots), "since": state["since"]}
            )
        for row in changed:
            with connection.begin():
                total += roll_up_day(connection, row["day"], slots=slots, since=state["since"], now=now)
        with connection.begin():
            run_sql(
                connection,
                "rollup/advance_state",
                {"slots": list(slots), "added_before": state["added_before"], "now": now},
            )
    return total


def roll_up_day(
    connection: Connection,
    day: date,
    *,
    slots: Sequence[int],
    since: str | None,
    now: datetime,
    organization_id: str | None = None,
) -> RollupReport:
    """Rebuild the hours of one UTC day with something new since the transaction `since`, or with None all of them.

    The caller holds the slots, in a transaction of `held_slots` that has read nothing yet, or nothing but this.
    """
    scope = day_scope(day, slots=slots, now=now) | {"since": since, "organization_id": organization_id}
    run_sql(connection, "rollup/begin")
    run_sql(connection, "rollup/planner_settings")
    late = run_sql(connection, "rollup/quarantine_late", scope)[0]["events"]
    if since is not None and run_sql(connection, "rollup/choose_whole_day", scope)[0]["whole_day"]:
        scope["since"] = None
    for step in ("find_changed_hours", "widen_hours", "find_runs"):
        run_step(connection, step, scope)
    connection.exec_driver_sql(run_sql(connection, "rollup/describe_changed_events")[0]["statement"])
    run_step(connection, "sum_events", scope)
    run_sql(connection, "rollup/keep_days_without_events")
    for step in STEPS_FROM_SUMS:
        run_step(connection, step, scope)
    differences = run_sql(connection, "rollup/reconcile", scope)
    run_sql(connection, "rollup/resolve_alerts", scope)
    raise_alerts(connection, differences, now)
    counts = run_sql(connection, "rollup/count_work")[0]
    run_sql(connection, "rollup/drop_work_tables")
    return RollupReport(**counts, quarantined_events=late, differences=tuple(differences))


def day_scope(day: date, *, slots: Sequence[int], now: datetime) -> dict[str, Any]:
    """The parameters that the steps of one day share."""
    begins = datetime.combine(day, time(), UTC)
    return {
        "day": day,
        "from_at": begins,
        "until_at": begins + timedelta(days=1),
        "slots": list(slots),
        "now": now,
    }


def raise_alerts(connection: Connection, differences: Sequence[Row], now: datetime) -> None:
    """One alarm for each organization and day that differs; it blocks publishing for that organization alone."""
    found: dict[tuple[str, date], list[Row]] = {}
    for row in differences:
        found.setdefault((row["organization_id"], row["day"]), []).append(row)
    run_sql_many(
        connection,
        "queries/alert_raise",
        [
            {
                "organization_id": organization_id,
                "kind": "reconciliation",
                "severity": "critical",
                "natural_key": f"reconciliation:{organization_id}:{day}",
                "message": f"The rollup of {day} differs from its events; nothing is published until mended.",
                "details": json.dumps({"differences": rows}, default=str),
                "now": now,
                "simulated": False,
            }
            for (organization_id, day), rows in found.items()
        ],
    )


def run_step(connection: Connection, step: str, scope: dict[str, Any]) -> None:
    """One file of sql/rollup."""
    run_sql(connection, f"rollup/{step}", scope)
    table = TABLE_OF_STEP.get(step)
    if table is not None:
        connection.execute(text(f"ANALYZE {table}"))
