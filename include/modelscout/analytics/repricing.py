"""Brings a range of days up to the prices as they are known now, after a price was corrected or negotiated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine

from modelscout.analytics.calculator_models import organization_id_of
from modelscout.analytics.rollup import RollupReport, day_scope, roll_up_day, run_step
from modelscout.analytics.rollup_slots import ALL_SLOTS, held_slots
from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import run_sql


@dataclass(frozen=True, slots=True)
class RepricedOrganization:
    """One organization's totals over the range, before and after, in USD."""

    organization: str | None
    organization_id: str
    cost_before_usd: Decimal
    cost_after_usd: Decimal
    unpriced_before: int
    """Requests without a known price, which are in neither sum."""
    unpriced_after: int
    changed_rows: int
    """Rows of the rollup that are not what they were."""


@dataclass(frozen=True, slots=True)
class RepricingReport:
    """What a re-pricing did."""

    first_day: date
    last_day: date
    days: int
    """(organization, day) groups rebuilt from their events."""
    days_without_events: int
    """Groups whose events are deleted, priced anew from the sums that were kept."""
    requests_left: int
    """Requests of such groups that a new price divides: nobody can tell them apart, they keep what they had."""
    events: int
    organizations: tuple[RepricedOrganization, ...]

    @property
    def changed(self) -> tuple[RepricedOrganization, ...]:
        """The organizations for which anything changed; each has a row in the audit log."""
        return tuple(o for o in self.organizations if o.changed_rows)


def reprice(
    engine: Engine,
    *,
    organization: str | None = None,
    first_day: date,
    last_day: date,
    actor: str,
    now: datetime,
) -> RepricingReport:
    """Price the calls of the days (both included) anew, each as of its own time; of one organization or of all.

    One transaction. Days that have their events are rolled up again; those whose events are deleted are priced from
    the sums of their tokens, with the same result. Each organization that changed gets one row in `audit_log` with
    the totals before and after. A second run changes nothing and leaves nothing. Raises ConfigurationError.
    """
    if first_day > last_day:
        raise ConfigurationError(
            f"first_day={first_day} is after last_day={last_day}: give the earlier one first"
        )
    if not actor.strip():
        raise ConfigurationError("actor is empty: name who prices anew, it goes into the audit log")
    organization_id = _organization_id(engine, organization)
    scope = {"first_day": first_day, "last_day": last_day, "organization_id": organization_id}
    rebuilt, stored_days, requests_left = RollupReport(), 0, 0
    with held_slots(engine, ALL_SLOTS) as connection, connection.begin():
        run_sql(connection, "rollup/begin")
        run_sql(connection, "queries/price_reprice_before", scope)
        for number in range((last_day - first_day).days + 1):
            day = first_day + timedelta(number)
            rebuilt += roll_up_day(
                connection, day, slots=ALL_SLOTS, since=None, now=now, organization_id=organization_id
            )
            stored = _reprice_stored_day(connection, day, organization_id=organization_id, now=now)
            stored_days += stored["days"]
            requests_left += stored["requests_left"]
        rows = run_sql(connection, "queries/price_reprice_audit", scope | {"actor": actor, "now": now})
    return RepricingReport(
        first_day=first_day,
        last_day=last_day,
        days=rebuilt.days,
        days_without_events=stored_days,
        requests_left=requests_left,
        events=rebuilt.events,
        organizations=tuple(RepricedOrganization(**row) for row in rows),
    )


def _organization_id(engine: Engine, organization: str | None) -> str | None:
    if organization is None:
        return None
    with engine.connect() as connection:
        return organization_id_of(connection, organization)


def _reprice_stored_day(
    connection: Connection, day: date, *, organization_id: str | None, now: datetime
) -> dict[str, Any]:
    """The organizations whose events of the day are deleted: how many, and `requests_left` of RepricingReport."""
    scope = day_scope(day, slots=ALL_SLOTS, now=now) | {"organization_id": organization_id}
    run_step(connection, "find_stored_hours", scope)
    for step in ("find_stored_kinds", "find_prices"):
        run_step(connection, step, scope)
    left = run_sql(connection, "rollup/reprice_sums")[0]
    for step in ("reprice_hours", "write_days", "write_organization_days"):
        run_step(connection, step, scope)
    days = run_sql(connection, "rollup/count_stored_days")[0]
    run_sql(connection, "rollup/drop_work_tables")
    return left | days
