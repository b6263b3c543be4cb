"""Plants daily analytics of one model on one feature, stable or changed. Used by the tests of drift."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Engine, text

ORGANIZATION = uuid.UUID("00000000-0000-0000-0000-00000000000a")
MODEL = uuid.UUID("00000000-0000-0000-0000-0000000000aa")
FIRST = date(2026, 9, 1)
INSERT = text(
    "INSERT INTO ai_model_analytics (organization_id, feature_id, model_id, date, total_requests, success_count, "
    "error_count, duration_count, latency_histogram, outcome_count, outcome_score_sum, input_tokens, output_tokens) "
    "VALUES (:organization_id, :feature_id, :model_id, :date, :total_requests, :success_count, :error_count, "
    ":total_requests, cast(:histogram AS jsonb), :outcome_count, :outcome_score_sum, :input_tokens, "
    ":output_tokens) ON CONFLICT ON CONSTRAINT ai_model_analytics_key DO UPDATE SET "
    "total_requests = excluded.total_requests, success_count = excluded.success_count"
)


@dataclass(frozen=True)
class Model:
    """What one model does with a day's requests."""

    requests: int = 500
    success: float = 0.97
    quality: float = 0.85
    median_ms: float = 800.0
    input_tokens: float = 900.0
    output_tokens: float = 150.0


def day_of(number: int) -> date:
    return FIRST + timedelta(days=number)


def night_after(number: int) -> datetime:
    """When the watch sees day `number`: the next morning."""
    return datetime.combine(day_of(number + 1), time(4), tzinfo=UTC)


def analytics_row(
    rng: np.random.Generator, model: Model, number: int, *, feature: str, organization: uuid.UUID
) -> dict[str, Any]:
    weekend = day_of(number).weekday() >= 5
    n = int(rng.poisson(model.requests * (0.4 if weekend else 1.0)))
    good = int(rng.binomial(n, model.success))
    durations = rng.lognormal(np.log(model.median_ms * (0.9 if weekend else 1.0)), 0.5, n)
    buckets = Counter(np.ceil(np.log(np.maximum(durations, 1)) / np.log(1.02)).astype(int).tolist())
    judged = good // 2
    day_size = rng.lognormal(0, 0.05)
    return {
        "organization_id": organization,
        "feature_id": feature,
        "model_id": MODEL,
        "date": day_of(number),
        "total_requests": n,
        "success_count": good,
        "error_count": n - good,
        "histogram": json.dumps({str(b): c for b, c in buckets.items()}),
        "outcome_count": judged,
        "outcome_score_sum": int(rng.binomial(judged, model.quality)),
        "input_tokens": int(good * model.input_tokens * day_size),
        "output_tokens": int(good * model.output_tokens * rng.lognormal(0, 0.6 / np.sqrt(max(n, 1)))),
    }


def plant(
    engine: Engine,
    rng: np.random.Generator,
    model: Model,
    numbers: range,
    *,
    feature: str = "chat",
    organization: uuid.UUID = ORGANIZATION,
) -> None:
    rows = [analytics_row(rng, model, n, feature=feature, organization=organization) for n in numbers]
    with engine.begin() as connection:
        connection.execute(INSERT, rows)


def plant_served(engine: Engine, number: int, served: dict[str, int]) -> None:
    """Events of one day, so many answered by each model."""
    at = datetime.combine(day_of(number), time(9), tzinfo=UTC)
    with engine.begin() as connection:
        connection.execute(text("SELECT modelscout.ensure_usage_partitions(:d, :d)"), {"d": day_of(number)})
        connection.execute(
            text(
                "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, served_model, "
                "request_id, occurred_at) SELECT :o, 'chat', 'openai', 'gpt-6-luna', :served, "
                ":served || g || cast(:at AS text), :at FROM generate_series(1, :n) AS g"
            ),
            [{"o": ORGANIZATION, "served": name, "at": at, "n": n} for name, n in served.items()],
        )
