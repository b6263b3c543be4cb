"""Retiring models that are in use, and the money that depends on them: totals over many organizations in one query.

`lifecycle` says the same of each feature, with what follows at what cost; this is for a first look at all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from modelscout.analytics.lifecycle import EXPOSURE_DAYS
from modelscout.warehouse.engine import Row, run_sql

HORIZON_DAYS = 90
MOST_MODELS = 200
TIMED_OUT = "57014"
"""SQLSTATE of a statement that took longer than its connection allows."""


@dataclass(frozen=True, slots=True)
class ExposedModel:
    """One model that retires within the horizon, or is retired and still in use."""

    model_id: str
    provider: str
    model: str
    retires_on: date
    days_left: int
    """Negative: retired so many days ago."""
    successor: str | None
    """As the vendor names it."""
    features: int
    organizations: int
    spend_usd_per_day: Decimal | None
    """Mean of the last whole days, of the priced requests; None where none was priced."""
    unpriced_requests: int
    simulated: bool


@dataclass(frozen=True, slots=True)
class ExposureReport:
    """All of them, the next first."""

    day: date
    """Today, in UTC."""
    within_days: int
    models: tuple[ExposedModel, ...]

    @property
    def features(self) -> int:
        """Features on any of them; one that used two counts twice."""
        return sum(model.features for model in self.models)

    @property
    def spend_usd_per_day(self) -> Decimal | None:
        """Of all of them; None where nothing is known."""
        known = [m.spend_usd_per_day for m in self.models if m.spend_usd_per_day is not None]
        return sum(known, Decimal(0)) if known else None


def exposure_report(
    engine: Engine,
    *,
    organization_ids: Sequence[str] | None,
    now: datetime,
    within_days: int = HORIZON_DAYS,
) -> ExposureReport:
    """Of these organizations, None of all. Spend is unknown where it could not be summed in time."""
    today = now.date()
    parameters = {
        "organization_ids": organization_ids,
        "today": today,
        "until": today + timedelta(days=within_days),
        "max_rows": MOST_MODELS,
    }
    try:
        rows = _read(engine, {**parameters, "days": EXPOSURE_DAYS})
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != TIMED_OUT:
            raise
        # A first look at a large warehouse just started: what features are set to is known all the same.
        rows = _read(engine, {**parameters, "days": 0})
    return ExposureReport(
        today,
        within_days,
        tuple(
            ExposedModel(
                model=row.pop("provider_model_id"), days_left=(row["retires_on"] - today).days, **row
            )
            for row in rows
        ),
    )


def _read(engine: Engine, parameters: Mapping[str, Any]) -> list[Row]:
    with engine.connect() as connection:
        return run_sql(connection, "queries/lifecycle_models", parameters)
