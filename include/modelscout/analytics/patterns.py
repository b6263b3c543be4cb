"""When and for what an organization uses its models: hours of the week, trend, and where the money goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Connection

from modelscout.analytics.scope import Scope
from modelscout.warehouse.engine import run_sql


@dataclass(frozen=True, slots=True)
class WeekHour:
    """One hour of the week in UTC that had requests."""

    weekday: int
    """ISO: 1 is Monday, 7 Sunday."""
    hour: int
    requests: int
    requests_per_occurrence: Decimal
    """Mean over all such hours of the range, those without requests included."""
    error_rate: float
    cost_usd: Decimal | None
    unpriced_requests: int


@dataclass(frozen=True, slots=True)
class UsedDay:
    """One day that had requests."""

    day: date
    requests: int
    cost_usd: Decimal | None
    """Of the requests that could be priced."""
    unpriced_requests: int


class UsedDays(NamedTuple):
    """The days that had requests, in their order."""

    days: tuple[UsedDay, ...]
    simulated: bool


@dataclass(frozen=True, slots=True)
class CostShare:
    """One feature on one model."""

    feature: str | None
    model: str
    requests: int
    cost_usd: Decimal | None
    share: Decimal | None
    """Of the known cost of the scope."""
    unpriced_requests: int


@dataclass(frozen=True, slots=True)
class UsagePatterns:
    """How one scope was used."""

    hours: tuple[WeekHour, ...]
    days: tuple[UsedDay, ...]
    top: tuple[CostShare, ...]
    """The dearest first; without a known cost last."""
    change: Decimal | None
    """Requests of the last whole weeks against as many whole weeks before, minus 1; None below two weeks."""
    weeks_compared: int
    simulated: bool


def usage_patterns(connection: Connection, scope: Scope, *, most: int = 10) -> UsagePatterns:
    """The patterns of a scope; `most` features and models by cost."""
    used = used_days(connection, scope)
    weeks = ((scope.until - scope.since).days + 1) // 14
    return UsagePatterns(
        hours=_hours(connection, scope),
        days=used.days,
        top=top_costs(connection, scope, most=most),
        change=_change(used.days, scope.until, weeks),
        weeks_compared=weeks,
        simulated=used.simulated,
    )


def used_days(connection: Connection, scope: Scope) -> UsedDays:
    """Requests and cost of each day, all models together."""
    days: dict[date, UsedDay] = {}
    daily = run_sql(connection, "queries/analytics_days", scope.parameters())
    for row in daily:
        before = days.get(row["day"], UsedDay(row["day"], 0, None, 0))
        days[row["day"]] = UsedDay(
            row["day"],
            before.requests + row["requests"],
            _add(before.cost_usd, row["cost_usd"]),
            before.unpriced_requests + row["unpriced_requests"],
        )
    return UsedDays(tuple(days.values()), any(row["simulated"] for row in daily))


def _hours(connection: Connection, scope: Scope) -> tuple[WeekHour, ...]:
    length = (scope.until - scope.since).days + 1
    occurrences = [len(range((weekday - scope.since.isoweekday()) % 7, length, 7)) for weekday in range(1, 8)]
    return tuple(
        WeekHour(
            weekday=row["weekday"],
            hour=row["hour"],
            requests=row["requests"],
            requests_per_occurrence=(Decimal(row["requests"]) / occurrences[row["weekday"] - 1]).quantize(
                Decimal("0.01")
            ),
            error_rate=row["errors"] / row["requests"],
            cost_usd=row["cost_usd"],
            unpriced_requests=row["unpriced_requests"],
        )
        for row in run_sql(connection, "queries/analytics_hours", scope.parameters())
    )


def top_costs(connection: Connection, scope: Scope, *, most: int) -> tuple[CostShare, ...]:
    """What costs most, the dearest first; what has no known cost comes last."""
    rows = run_sql(connection, "queries/analytics_top_costs", scope.parameters() | {"most": most})
    return tuple(
        CostShare(
            feature=row["feature_id"],
            model=row["model"],
            requests=row["requests"],
            cost_usd=row["cost_usd"],
            share=None if row["share"] is None else row["share"].quantize(Decimal("0.0001")),
            unpriced_requests=row["unpriced_requests"],
        )
        for row in rows
    )


def _change(days: Sequence[UsedDay], until: date, weeks: int) -> Decimal | None:
    """Whole weeks against whole weeks, so that weekends weigh the same on both sides."""
    middle, first = until - timedelta(days=7 * weeks), until - timedelta(days=14 * weeks)
    late = sum(d.requests for d in days if d.day > middle)
    early = sum(d.requests for d in days if first < d.day <= middle)
    return (Decimal(late) / early - 1).quantize(Decimal("0.0001")) if weeks and early else None


def _add(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    return b if a is None else a if b is None else a + b
