"""What organizations spend, day by day and against the days before: from one row per organization and day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine

from modelscout.warehouse.engine import Row, run_sql

PERIOD_DAYS = 30


@dataclass(frozen=True, slots=True)
class Spend:
    """Of some days together."""

    cost_usd: Decimal | None
    """Of the priced requests; None where none is priced."""
    requests: int
    unpriced_requests: int
    """In no cost, because no price is known."""


@dataclass(frozen=True, slots=True)
class SpendDay:
    """One day, all asked organizations together."""

    day: date
    cost_usd: Decimal | None
    requests: int


@dataclass(frozen=True, slots=True)
class OrganizationSpend:
    """One organization's last period beside the one before."""

    organization_id: str
    organization: str
    name: str
    last: Spend
    former_cost_usd: Decimal | None
    simulated: bool


@dataclass(frozen=True, slots=True)
class SpendReport:
    """The last `PERIOD_DAYS` whole days before today, and as many before those. Days are UTC."""

    first_day: date
    """Of the last period."""
    last_day: date
    last: Spend
    former: Spend
    days: tuple[SpendDay, ...]
    """Of both periods, those with traffic."""
    simulated: bool

    @property
    def change(self) -> float | None:
        """Share of 1 that the last period costs more than the former; None where either is unknown or nothing."""
        if self.last.cost_usd is None or not self.former.cost_usd:
            return None
        return float(self.last.cost_usd / self.former.cost_usd) - 1


def spend_report(engine: Engine, *, organization_ids: Sequence[str] | None, now: datetime) -> SpendReport:
    """Of these organizations, None of all: 60 rows at most."""
    scope = _scope(organization_ids, now)
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/spend_days", scope)
    first: date = scope["first_day"]
    return SpendReport(
        first_day=first,
        last_day=scope["until"] - timedelta(days=1),
        last=_sum(row for row in rows if row["day"] >= first),
        former=_sum(row for row in rows if row["day"] < first),
        days=tuple(SpendDay(row["day"], row["cost_usd"], row["requests"]) for row in rows),
        simulated=any(row["simulated"] for row in rows),
    )


def top_spenders(
    engine: Engine, *, organization_ids: Sequence[str] | None, now: datetime, limit: int
) -> list[OrganizationSpend]:
    """The organizations that spent most in the last period."""
    with engine.connect() as connection:
        rows = run_sql(
            connection,
            "queries/spend_organizations",
            {**_scope(organization_ids, now), "max_rows": limit},
        )
    return [
        OrganizationSpend(
            organization_id=row["organization_id"],
            organization=row["organization"],
            name=row["name"],
            last=Spend(row["cost_usd"], row["requests"], row["unpriced_requests"]),
            former_cost_usd=row["former_cost_usd"],
            simulated=row["simulated"],
        )
        for row in rows
    ]


def _scope(organization_ids: Sequence[str] | None, now: datetime) -> dict[str, Any]:
    until = now.date()
    return {
        "organization_ids": organization_ids,
        "former_first_day": until - timedelta(days=2 * PERIOD_DAYS),
        "first_day": until - timedelta(days=PERIOD_DAYS),
        "until": until,
    }


def _sum(rows: Iterable[Row]) -> Spend:
    found = list(rows)
    costs = [row["cost_usd"] for row in found if row["cost_usd"] is not None]
    return Spend(
        cost_usd=sum(costs, Decimal(0)) if costs else None,
        requests=sum(row["requests"] for row in found),
        unpriced_requests=sum(row["unpriced_requests"] for row in found),
    )
