"""How models did over any range of days, and several of them side by side: from the daily rollup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from math import sqrt

from sqlalchemy import Connection

from modelscout.analytics.comparison_measured import bucket_ms
from modelscout.analytics.scope import Scope
from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import Row, run_sql

Z_95 = 1.959964
UNPRICED_TOLERATED = 0.05
"""Share of requests without a known price beyond which the cost of a request is unknown."""


class Grain(StrEnum):
    """What one line of a model's performance is about."""

    RANGE = "range"
    DAY = "day"
    WEEK = "week"
    FEATURE = "feature"


class Metric(StrEnum):
    """What models are compared by."""

    SUCCESS_RATE = "success_rate"
    P50_MS = "p50_ms"
    P95_MS = "p95_ms"
    P99_MS = "p99_ms"
    COST_PER_REQUEST_USD = "cost_per_request_usd"
    CONFIDENCE = "confidence"
    QUALITY = "quality"

    @property
    def more_is_better(self) -> bool:
        """Whether the largest value is the best."""
        return self in (Metric.SUCCESS_RATE, Metric.CONFIDENCE, Metric.QUALITY)


@dataclass(frozen=True, slots=True)
class ErrorShare:
    """Failed requests of one type, and their share of all requests."""

    error_type: str
    requests: int
    rate: float


@dataclass(frozen=True, slots=True)
class Performance:
    """One model over one range, day, week or feature. None is unknown."""

    model: str
    starts_on: date | None
    """The day, or the week's Monday; None where the lines are not days or weeks."""
    feature: str | None
    requests: int
    success_rate: float | None
    """Answered calls; says nothing about quality."""
    success_interval: tuple[float, float] | None
    """95 %, Wilson: of the requests as independent ones, so an outage makes it too narrow."""
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    """The percentiles are within 1 % of the true value."""
    errors: tuple[ErrorShare, ...]
    """The most frequent first."""
    cost_usd: Decimal | None
    """Of the requests that could be priced."""
    unpriced_requests: int
    cost_per_request_usd: Decimal | None
    """Of the requests that could be priced; None where too many could not (UNPRICED_TOLERATED): failed calls are
    free whatever the price, so that the few that are priced may be just these."""
    confidence: float | None
    quality: float | None
    """Mean of the judged answers, 0 to 1."""
    judged_answers: int
    distinct_users: int
    """Exact below 256, from there on with a standard error of 6.3 %."""
    simulated: bool

    def value(self, metric: Metric) -> float | Decimal | None:
        """One metric of it; None is unknown."""
        found: float | Decimal | None = getattr(self, metric.value)
        return found


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric of several models, the best first; a model whose value is unknown comes last, without a rank."""

    metric: Metric
    values: tuple[tuple[str, float | Decimal | None], ...]
    best: str | None
    """None where nothing is known."""


@dataclass(frozen=True, slots=True)
class ModelsCompared:
    """Models over the same days, and their order by each metric."""

    models: tuple[Performance, ...]
    metrics: tuple[MetricComparison, ...]


def performance(
    connection: Connection, scope: Scope, *, grain: Grain = Grain.RANGE
) -> tuple[Performance, ...]:
    """Every model with traffic in the scope, by days, weeks or features where asked; empty without traffic."""
    rows = run_sql(connection, "queries/analytics_performance", scope.parameters() | {"grain": grain.value})
    return tuple(_performance(row) for row in rows)


def compare_performance(
    connection: Connection, scope: Scope, *, metrics: Sequence[Metric] = tuple(Metric)
) -> ModelsCompared:
    """The models of the scope by these metrics. Values differ by the work as well: models on different features."""
    if not metrics:
        raise ConfigurationError(f"metrics is empty: give some of {', '.join(Metric)}")
    models = performance(connection, scope)
    return ModelsCompared(models, tuple(_compare(metric, models) for metric in dict.fromkeys(metrics)))


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927). `n` is at least 1."""
    share, z2 = successes / n, Z_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def error_shares(errors_by_type: Mapping[str, int], requests: int) -> tuple[ErrorShare, ...]:
    """Failed requests by type, the most frequent first."""
    errors = sorted(errors_by_type.items(), key=lambda pair: (-int(pair[1]), pair[0]))
    return tuple(ErrorShare(name, int(n), int(n) / requests) for name, n in errors if requests)


def _compare(metric: Metric, models: Sequence[Performance]) -> MetricComparison:
    known = [(m.model, v) for m in models if (v := m.value(metric)) is not None]
    known.sort(key=lambda pair: pair[1], reverse=metric.more_is_better)
    unknown = [(m.model, None) for m in models if m.value(metric) is None]
    return MetricComparison(metric, (*known, *unknown), known[0][0] if known else None)


def _performance(row: Row) -> Performance:
    requests = row["requests"]
    priced = row["priced_requests"]
    is_priced = priced > 0 and row["unpriced_requests"] <= UNPRICED_TOLERATED * requests
    cost: Decimal | None = row["cost_usd"]
    return Performance(
        model=row["model"],
        starts_on=row["starts_on"],
        feature=row["feature_id"],
        requests=requests,
        success_rate=row["answers"] / requests if requests else None,
        success_interval=wilson_interval(row["answers"], requests) if requests else None,
        mean_ms=_float(row["mean_ms"]),
        p50_ms=_latency(row["p50_bucket"]),
        p95_ms=_latency(row["p95_bucket"]),
        p99_ms=_latency(row["p99_bucket"]),
        errors=error_shares(row["errors_by_type"], requests),
        cost_usd=cost,
        unpriced_requests=row["unpriced_requests"],
        cost_per_request_usd=cost / priced if cost is not None and is_priced else None,
        confidence=_float(row["confidence"]),
        quality=_float(row["quality"]),
        judged_answers=row["judged_answers"],
        distinct_users=row["distinct_users"],
        simulated=row["simulated"],
    )


def _latency(bucket: int | None) -> float | None:
    return None if bucket is None else bucket_ms(bucket)


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
