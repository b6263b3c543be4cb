"""How one organization's use went over time: requests, success, response times and cost, in parts that add up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import Connection

from modelscout.analytics.comparison_measured import bucket_ms
from modelscout.analytics.performance import UNPRICED_TOLERATED, ErrorShare, error_shares, wilson_interval
from modelscout.analytics.scope import Scope
from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import Row, run_sql

MAX_DAYS_BY_HOUR = 14
MAX_PARTS = 50


class Step(StrEnum):
    """How long each point of a trend is. Weeks are ISO weeks."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


class Split(StrEnum):
    """What each point of a trend is about."""

    NONE = "none"
    MODEL = "model"
    FEATURE = "feature"


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One part at one step of time, or over the whole range. None is unknown."""

    starts_at: datetime | None
    """None: the whole range."""
    part: str | None
    """The model or feature. None: all of them, or, where `is_rest`, all that do not stand alone."""
    is_rest: bool
    requests: int
    success_rate: float | None
    """Answered calls; says nothing about quality."""
    success_interval: tuple[float, float] | None
    """95 %, Wilson."""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    """The percentiles are within 1 % of the true value."""
    cost_usd: Decimal | None
    """Of the requests that could be priced."""
    cost_per_request_usd: Decimal | None
    """None too where more than UNPRICED_TOLERATED of the requests could not be priced."""
    unpriced_requests: int


@dataclass(frozen=True, slots=True)
class Trend:
    """Points in the order of time; a step without requests has none."""

    points: tuple[TrendPoint, ...]
    total: TrendPoint | None
    """The whole range; None without any request."""
    errors: tuple[ErrorShare, ...]
    """Of the whole range, the most frequent first."""
    simulated: bool


def trend(
    connection: Connection, scope: Scope, *, step: Step = Step.DAY, split: Split = Split.NONE, most: int = 7
) -> Trend:
    """The trend of a scope; the `most` parts with most requests stand alone, the others are one.

    Raises ConfigurationError where hours are asked for more than MAX_DAYS_BY_HOUR days.
    """
    days = (scope.until - scope.since).days + 1
    if step is Step.HOUR and days > MAX_DAYS_BY_HOUR:
        raise ConfigurationError(
            f"step=hour is out of range for {days} days: give at most {MAX_DAYS_BY_HOUR} days, or day or week"
        )
    if not 1 <= most <= MAX_PARTS:
        raise ConfigurationError(f"most={most} is out of range: give 1 to {MAX_PARTS}")
    rows = run_sql(
        connection,
        "queries/analytics_trend",
        scope.parameters() | {"step": step.value, "split": split.value, "most": most},
    )
    whole = next((row for row in rows if row["starts_at"] is None), None)
    return Trend(
        points=tuple(_point(row) for row in rows if row is not whole),
        total=_point(whole) if whole else None,
        errors=error_shares(whole["errors_by_type"], whole["requests"]) if whole else (),
        simulated=bool(whole and whole["simulated"]),
    )


def _point(row: Row) -> TrendPoint:
    requests, answers, priced = row["requests"], row["answers"], row["priced_requests"]
    cost: Decimal | None = row["cost_usd"]
    is_priced = priced > 0 and row["unpriced_requests"] <= UNPRICED_TOLERATED * requests
    return TrendPoint(
        starts_at=row["starts_at"],
        part=row["part"],
        is_rest=row["is_rest"],
        requests=requests,
        success_rate=answers / requests if requests else None,
        success_interval=wilson_interval(answers, requests) if requests else None,
        p50_ms=bucket_ms_or_none(row["p50_bucket"]),
        p95_ms=bucket_ms_or_none(row["p95_bucket"]),
        p99_ms=bucket_ms_or_none(row["p99_bucket"]),
        cost_usd=cost,
        cost_per_request_usd=cost / priced if cost is not None and is_priced else None,
        unpriced_requests=row["unpriced_requests"],
    )


def bucket_ms_or_none(bucket: int | None) -> float | None:
    """The middle of a latency bucket; None where nothing was measured."""
    return None if bucket is None else bucket_ms(bucket)
