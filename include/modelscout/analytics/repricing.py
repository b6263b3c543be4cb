"""Brings a range of days up to the prices as they are known now, after a price was corrected or negotiated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Engine, text

from modelscout.analytics.calculator_models import organization_id_of
from modelscout.analytics.rollup import one_snapshot, rebuild_days
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
    """Groups whose events are gone: they keep the price they had."""
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
    """Price the events of the days (both included) anew, each as of its own time; of one organization or of all.

    Rebuilds the rollup of these days from their events and leaves, for each organization that it changed, one
    row in `audit_log` with the totals before and after. A second run changes nothing and leaves nothing. Days
    whose events are deleted stay as they are. Raises ConfigurationError that names the field.
    """
    if first_day > last_day:
        raise ConfigurationError(
            f"first_day={first_day} is after last_day={last_day}: give the earlier one first"
        )
    if not actor.strip():
        raise ConfigurationError("actor is empty: name who prices anew, it goes into the audit log")
    with one_snapshot(engine) as connection:
        run_sql(connection, "rollup/lock")
        organization_id = organization_id_of(connection, organization) if organization else None
        scope = {"first_day": first_day, "last_day": last_day, "organization_id": organization_id}
        run_sql(connection, "queries/price_reprice_before", scope)
        rebuilt = rebuild_days(
            connection, now=now, first_day=first_day, last_day=last_day, organization_id=organization_id
        )
        kept = connection.execute(
            text(
                "SELECT count(*) FROM (SELECT organization_id, date FROM repriced_before "
                "EXCEPT SELECT organization_id, day FROM changed_days) AS k"
            )
        ).scalar_one()
        rows = run_sql(connection, "queries/price_reprice_audit", scope | {"actor": actor, "now": now})
    return RepricingReport(
        first_day=first_day,
        last_day=last_day,
        days=rebuilt.days,
        days_without_events=int(kept),
        events=rebuilt.events,
        organizations=tuple(RepricedOrganization(**row) for row in rows),
    )
