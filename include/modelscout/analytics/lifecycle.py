"""What is going away: which models, who uses them, how much money depends on them, and what follows at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from modelscout.analytics.calculator_models import KnownModel, Shelf, organization_id_of, shelf_from_warehouse
from modelscout.analytics.comparison_costs import MixCost, mix_cost
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability, TokenUsage
from modelscout.costs.calculator import to_usd
from modelscout.warehouse.engine import Row, run_sql

EXPOSURE_DAYS = 7
"""Spend per day is the mean of so many whole days."""
MAX_WITHIN_DAYS = 3650


class Successor(NamedTuple):
    """What follows a model: the first of the line that outlives the horizon."""

    model: str
    instead_of: tuple[str, ...]
    """Nearer successors that retire within the horizon too."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """One feature of one organization on a model that goes. Means per day, in USD; None is unknown."""

    organization: str
    feature: str
    is_current: bool
    """The feature is set to this model."""
    is_fallback: bool
    requests_per_day: Decimal
    spend_usd_per_day: Decimal | None
    """What was really paid; None where nothing could be priced."""
    unpriced_requests_per_day: Decimal
    cost_ratio: Decimal | None
    """Successor divided by this model, both at list or negotiated prices for the same tokens; four places."""
    successor_usd_per_day: Decimal | None
    """`spend_usd_per_day` times the ratio, so that batch and other discounts are kept."""
    difference_usd_per_day: Decimal | None
    """Negative where the successor is cheaper."""
    reason: str | None
    """Why the successor's cost is unknown."""
    simulated: bool


@dataclass(frozen=True, slots=True)
class RetiringModel:
    """One model that retires within the horizon, or is retired and still in use."""

    model: str
    retires_on: date
    days_left: int
    """Negative: retired so many days ago."""
    successor: Successor | None
    spend_usd_per_day: Decimal
    """Of the users whose spend is known."""
    unpriced_users: int
    users: tuple[Exposure, ...]


@dataclass(frozen=True, slots=True)
class LifecycleReport:
    """What retires up to a day, the next first."""

    at: datetime
    within_days: int
    organization: str | None
    models: tuple[RetiringModel, ...]
    spend_usd_per_day: Decimal
    """Of all models, where it is known."""
    unpriced_users: int
    simulated: bool


def lifecycle_report(
    engine: Engine, *, now: datetime, within_days: int, organization: str | None = None
) -> LifecycleReport:
    """Read what retires within so many days; of one organization or of all."""
    if not 0 <= within_days <= MAX_WITHIN_DAYS:
        raise ConfigurationError(f"within={within_days} days is out of range: give 0 to {MAX_WITHIN_DAYS}")
    with engine.connect() as connection:
        organization_id = organization_id_of(connection, organization) if organization else None
        until = now.date() + timedelta(days=within_days)
        rows = run_sql(
            connection,
            "queries/lifecycle_exposure",
            {"organization_id": organization_id, "today": now.date(), "until": until, "days": EXPOSURE_DAYS},
        )
        shelves = _Shelves(connection)
        models = tuple(
            _model(list(group), shelves, now, until)
            for _, group in groupby(rows, key=lambda row: (row["provider"], row["model_id"]))
        )
    return LifecycleReport(
        at=now,
        within_days=within_days,
        organization=organization,
        models=models,
        spend_usd_per_day=to_usd(sum((Fraction(m.spend_usd_per_day) for m in models), Fraction(0))),
        unpriced_users=sum(m.unpriced_users for m in models),
        simulated=any(user.simulated for m in models for user in m.users),
    )


class _Shelves:
    """Models as each organization sees them: negotiated prices differ."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read: dict[str | None, Shelf] = {}

    def of(self, organization_id: str | None) -> Shelf:
        if organization_id not in self._read:
            self._read[organization_id] = shelf_from_warehouse(self._connection, organization_id)
        return self._read[organization_id]


def successor_of(shelf: Shelf, model: KnownModel, until: date) -> Successor | None:
    """Follow the line of successors to the first that does not retire up to `until`; None where it ends before."""
    passed: list[str] = []
    seen = {model.key}
    following = model
    while following.successor is not None:
        found = shelf.get(following.provider, following.successor)
        if found is None or found.key in seen:
            return None
        if found.retires_on is None or found.retires_on > until:
            return Successor(found.key, tuple(passed))
        passed.append(found.key)
        seen.add(found.key)
        following = found
    return None


def _model(rows: Sequence[Row], shelves: _Shelves, now: datetime, until: date) -> RetiringModel:
    first = rows[0]
    model = shelves.of(first["organization_id"]).get(first["provider"], first["model_id"])
    users = tuple(_exposure(row, shelves, now, until) for row in rows if row["organization_id"] is not None)
    known = [Fraction(u.spend_usd_per_day) for u in users if u.spend_usd_per_day is not None]
    return RetiringModel(
        model=f"{first['provider']}/{first['model_id']}",
        retires_on=first["retires_on"],
        days_left=(first["retires_on"] - now.date()).days,
        successor=successor_of(shelves.of(first["organization_id"]), model, until) if model else None,
        spend_usd_per_day=to_usd(sum(known, Fraction(0))),
        unpriced_users=sum(u.spend_usd_per_day is None or u.unpriced_requests_per_day > 0 for u in users),
        users=users,
    )


def _exposure(row: Row, shelves: _Shelves, now: datetime, until: date) -> Exposure:
    spend = _spend(row)
    ratio, reason = _cost_ratio(row, shelves.of(row["organization_id"]), now, until)
    following = spend * ratio if spend is not None and ratio is not None else None
    return Exposure(
        organization=row["organization"],
        feature=row["feature_id"],
        is_current=row["is_current"],
        is_fallback=row["is_fallback"],
        requests_per_day=_per_day(row["requests"]),
        spend_usd_per_day=None if spend is None else to_usd(spend),
        unpriced_requests_per_day=_per_day(row["unpriced_requests"]),
        cost_ratio=None if ratio is None else to_usd(ratio).quantize(Decimal("0.0001")),
        successor_usd_per_day=None if following is None else to_usd(following),
        difference_usd_per_day=None if following is None or spend is None else to_usd(following - spend),
        reason=reason,
        simulated=row["simulated"],
    )


def _spend(row: Row) -> Fraction | None:
    """Per day: nothing for a feature that made no call, unknown where calls were made and none had a price."""
    if not row["requests"]:
        return Fraction(0)
    if row["cost_usd"] is None or row["unpriced_requests"] == row["requests"]:
        return None
    return Fraction(row["cost_usd"]) / EXPOSURE_DAYS


def _per_day(count: int) -> Decimal:
    return to_usd(Fraction(count, EXPOSURE_DAYS))


def _cost_ratio(row: Row, shelf: Shelf, now: datetime, until: date) -> tuple[Fraction | None, str | None]:
    model = shelf.get(row["provider"], row["model_id"])
    successor = successor_of(shelf, model, until) if model else None
    if model is None or successor is None:
        return None, "no successor is known that outlives the horizon"
    if not row["answers"]:
        return None, "no answers were recorded on these days"
    goes_at = datetime.combine(row["retires_on"], time(), UTC)
    # This model as it was last priced, its successor as on the day of the change. It does the work: what it can do
    # needs no proof.
    required = frozenset(Capability(c) for c in row["required_capabilities"] if c in set(Capability))
    old = _mix(
        row, replace(model, capabilities=None), frozenset(), min(now, goes_at - timedelta(microseconds=1))
    )
    new = _mix(row, shelf.find(successor.model), required, max(now, goes_at))
    if old.cost_usd is None or new.cost_usd is None:
        name, why = (model.key, old.reason) if old.cost_usd is None else (successor.model, new.reason)
        return None, f"{name}: {why}"
    if not old.cost_usd:
        return None, f"{model.key} costs nothing at its prices"
    return new.cost_usd / old.cost_usd, None


def _mix(row: Row, model: KnownModel, required: frozenset[Capability], at: datetime) -> MixCost:
    usage = TokenUsage(**{name: row[name] for name in TokenUsage.__dataclass_fields__})
    return mix_cost(model, usage, requests=row["answers"], required=required, at=at)
