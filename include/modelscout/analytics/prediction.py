"""What coming days will cost: the organization's own past at today's prices, its season, and scheduled prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
from sqlalchemy import Connection

from modelscout.analytics.calculator_models import Key, Shelf, shelf_from_warehouse
from modelscout.analytics.forecast import Array, Estimate, forecast
from modelscout.analytics.price_course import PriceCourse, usage_of
from modelscout.analytics.scope import Scope
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import TokenUsage
from modelscout.warehouse.engine import Row, run_sql

HISTORY_DAYS = 84
"""Twelve weeks: long enough for the season, short enough for the trend to be today's."""
MIX_DAYS = 28
"""What models and tokens the coming days are made of."""
MAX_AHEAD_DAYS = 92


@dataclass(frozen=True, slots=True)
class MoneyEstimate:
    """A median and the bounds of its interval, in USD."""

    median_usd: Decimal
    low_usd: Decimal
    high_usd: Decimal


@dataclass(frozen=True, slots=True)
class PredictedDay:
    """One coming day."""

    day: date
    cost: MoneyEstimate
    price_level: Decimal
    """Of the mix, 1 being today's prices."""


@dataclass(frozen=True, slots=True)
class CostPrediction:
    """What a scope will cost, of the requests whose price is known."""

    level: float
    """The share of such intervals that hold what comes, if the past goes on."""
    total: MoneyEstimate
    days: tuple[PredictedDay, ...]
    growth_per_week: tuple[float, float, float]
    """Factor of the past trend: median, low, high."""
    history_from: date
    history_to: date
    unpriced_requests: int
    """Of the history: what they cost is unknown and in no figure."""
    notes: tuple[str, ...]
    simulated: bool


def predict_cost(
    connection: Connection,
    scope: Scope,
    *,
    now: datetime,
    usage_factor: Decimal = Decimal(1),
    level: float = 0.9,
    seed: int = 0,
) -> CostPrediction:
    """Predict the days of the scope, from today on. `usage_factor` is the planned volume against the trend's.

    Raises ConfigurationError where the days are past or too far, or the history is too short.
    """
    today = now.date()
    if scope.since < today or (scope.until - today).days >= MAX_AHEAD_DAYS:
        raise ConfigurationError(
            f"days {scope.since} to {scope.until} cannot be predicted: give days from {today} on, at most "
            f"{MAX_AHEAD_DAYS} ahead"
        )
    past = Scope(
        scope.organization_id,
        today - timedelta(days=HISTORY_DAYS),
        today - timedelta(days=1),
        scope.feature_id,
        scope.model_ids,
    )
    rows = run_sql(connection, "queries/analytics_days", past.parameters())
    if not rows:
        raise ConfigurationError(
            f"nothing was recorded from {past.since} to {past.until}: nothing to predict from"
        )
    shelf = shelf_from_warehouse(connection, scope.organization_id)
    courses = _courses(rows, shelf, today)
    amounts = _at_todays_prices(rows, courses, rows[0]["day"], today)
    levels = _price_levels(rows, courses, _days(scope.since, scope.until), today)
    found = forecast(
        amounts,
        rows[0]["day"],
        multipliers=np.array([float(v) for v in levels]) * float(usage_factor),
        skip_days=(scope.since - today).days,
        level=level,
        seed=seed,
    )
    growth = found.growth_per_week
    return CostPrediction(
        level=level,
        total=_money(found.total),
        days=tuple(
            PredictedDay(day, _money(estimate), price_level.quantize(Decimal("0.0001")))
            for day, estimate, price_level in zip(
                _days(scope.since, scope.until), found.days, levels, strict=True
            )
        ),
        growth_per_week=(round(growth.median, 4), round(growth.low, 4), round(growth.high, 4)),
        history_from=rows[0]["day"],
        history_to=past.until,
        unpriced_requests=sum(row["unpriced_requests"] for row in rows),
        notes=_notes(courses, shelf, scope),
        simulated=any(row["simulated"] for row in rows),
    )


def _courses(rows: Sequence[Row], shelf: Shelf, today: date) -> dict[Key, PriceCourse]:
    by_model: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        by_model[row["provider"], row["model_id"]].append(row)
    courses: dict[Key, PriceCourse] = {}
    for key, own in by_model.items():
        latest = own[-MIX_DAYS:]
        mix = sum((usage_of(row) for row in latest), TokenUsage())
        requests = sum(row["requests"] for row in latest)
        courses[key] = PriceCourse(shelf.get(*key), mix, requests, today)
    return courses


def _at_todays_prices(
    rows: Sequence[Row], courses: Mapping[Key, PriceCourse], first_day: date, today: date
) -> Array:
    """What each day would cost at today's prices: a past price change is no growth."""
    amounts = np.zeros((today - first_day).days)
    for row in rows:
        relative = courses[row["provider"], row["model_id"]].relative(row["day"]) or Decimal(1)
        amounts[(row["day"] - first_day).days] += float((row["cost_usd"] or Decimal(0)) / relative)
    return amounts


def _price_levels(
    rows: Sequence[Row], courses: Mapping[Key, PriceCourse], days: Sequence[date], today: date
) -> list[Decimal]:
    """Each day's prices against today's, models weighed by what they cost lately."""
    spent: dict[Key, Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["day"] >= today - timedelta(days=MIX_DAYS):
            spent[row["provider"], row["model_id"]] += row["cost_usd"] or Decimal(0)
    total = sum(spent.values(), Decimal(0))
    if not total:
        return [Decimal(1)] * len(days)
    return [
        sum((cost * (courses[key].relative(day) or Decimal(1)) for key, cost in spent.items()), Decimal(0))
        / total
        for day in days
    ]


def _notes(courses: Mapping[Key, PriceCourse], shelf: Shelf, scope: Scope) -> tuple[str, ...]:
    notes: list[str] = []
    for key, course in sorted(courses.items()):
        name, model = "/".join(key), shelf.get(*key)
        if course.relative(scope.since) is None:
            notes.append(f"{name}: no list price of its mix is known; what was paid stands for what will be")
        notes += [
            f"{name}: from {day} {relative:.4f} times today's price"
            for day in course.changes(scope.since, scope.until)
            if (relative := course.relative(day)) is not None
        ]
        if model and model.retires_on and model.retires_on <= scope.until:
            notes.append(f"{name} retires on {model.retires_on}: its work is predicted at its own prices")
    return tuple(notes)


def _days(first_day: date, last_day: date) -> list[date]:
    return [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]


def _money(estimate: Estimate) -> MoneyEstimate:
    """An estimate in USD, to six places: the statistics are floating point, the sums it began with exact."""
    return MoneyEstimate(
        *(
            Decimal(str(value)).quantize(Decimal("0.000001"))
            for value in (estimate.median, estimate.low, estimate.high)
        )
    )
