"""Measured figures of models: from the platform's own suites, and from one organization's traffic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from modelscout.analytics.calculator_usage import WINDOW_DAYS
from modelscout.warehouse.engine import run_sql

BUCKET_BASE = 1.02
"""Bucket i of a latency histogram holds (1.02^(i-1), 1.02^i] ms, as modelscout.latency_bucket numbers it."""


@dataclass(frozen=True, slots=True)
class SuiteScore:
    """Mean score of one feature's suite, 0 to 1, with its 95 % interval."""

    feature: str
    score: float
    n: int
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class PlatformResults:
    """Speed and reliability in this project's own suites: medians over `n` cases."""

    n: int
    duration_ms: float | None
    time_to_first_token_ms: float | None
    output_tokens_per_second: float | None
    error_rate: float | None
    error_rate_interval: tuple[float, float] | None
    """95 %."""
    scores: tuple[SuiteScore, ...]
    run_at: str | None
    simulated: bool


@dataclass(frozen=True, slots=True)
class OwnTraffic:
    """One organization's own requests over the last days. None is unknown."""

    requests: int
    success_rate: Decimal | None
    """Answered calls; says nothing about quality."""
    mean_ms: Decimal | None
    p50_ms: float | None
    p95_ms: float | None
    """Within 1 % of the true value."""
    quality: Decimal | None
    """Mean of the judged answers, 0 to 1."""
    judged_answers: int
    first_day: date
    last_day: date
    simulated: bool


def platform_results(row: Mapping[str, Any] | None) -> PlatformResults | None:
    """What `ai_models` holds of the suites; None where the model was not run."""
    speed: Mapping[str, Any] = (row or {}).get("performance_metrics") or {}
    scores: Mapping[str, Any] = (row or {}).get("benchmark_results") or {}
    if not speed and not scores:
        return None
    return PlatformResults(
        n=int(speed.get("n", 0)),
        duration_ms=speed.get("duration_ms"),
        time_to_first_token_ms=speed.get("time_to_first_token_ms"),
        output_tokens_per_second=speed.get("output_tokens_per_second"),
        error_rate=speed.get("error_rate"),
        error_rate_interval=_interval(speed.get("error_rate_interval")),
        scores=tuple(
            SuiteScore(feature, s["score"], int(s["n"]), _interval(s.get("interval")) or (0.0, 1.0))
            for feature, s in sorted(scores.items())
        ),
        run_at=speed.get("run_at"),
        simulated=bool(speed.get("simulated")) or any(s.get("simulated") for s in scores.values()),
    )


def own_traffic(
    connection: Connection, organization_id: str, model_ids: Sequence[str], *, now: datetime
) -> dict[str, OwnTraffic]:
    """Figures of the last days by model id; a model without traffic is absent."""
    parameters = {
        "organization_id": organization_id,
        "model_ids": list(model_ids),
        "since": now.date() - timedelta(days=WINDOW_DAYS),
        "until": now.date(),
    }
    buckets: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in run_sql(connection, "queries/comparison_latency", parameters):
        buckets[row["id"]].append((row["bucket"], row["requests"]))
    return {
        row["id"]: OwnTraffic(
            requests=row["requests"],
            success_rate=(Decimal(row["answers"]) / row["requests"]).quantize(Decimal("0.0001"))
            if row["requests"]
            else None,
            mean_ms=None if row["mean_ms"] is None else row["mean_ms"].quantize(Decimal("0.1")),
            p50_ms=quantile_ms(buckets[row["id"]], 0.5),
            p95_ms=quantile_ms(buckets[row["id"]], 0.95),
            quality=None if row["quality"] is None else row["quality"].quantize(Decimal("0.0001")),
            judged_answers=row["judged_answers"],
            first_day=row["first_day"],
            last_day=row["last_day"],
            simulated=row["simulated"],
        )
        for row in run_sql(connection, "queries/comparison_traffic", parameters)
    }


def quantile_ms(buckets: Sequence[tuple[int, int]], share: float) -> float | None:
    """The value that `share` of the requests do not exceed: the middle of its bucket. None without requests."""
    total = sum(count for _, count in buckets)
    seen = 0
    for bucket, count in sorted(buckets):
        seen += count
        if count and seen >= share * total:
            return bucket_ms(bucket)
    return None


def bucket_ms(bucket: int) -> float:
    """The middle of a bucket: within 1 % of every latency in it, but for the rounding to a tenth."""
    return round((BUCKET_BASE ** (bucket - 1) + BUCKET_BASE**bucket) / 2, 1)


def _interval(value: Any) -> tuple[float, float] | None:
    return (float(value[0]), float(value[1])) if value else None
