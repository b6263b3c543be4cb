"""What the recommender in use expects of a model for a feature, before the organization's own evidence."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from modelscout.recommender.inputs import QualityEstimate
from modelscout.warehouse.engine import Row, run_sql

SHRINKAGE = 50.0
"""Answers that the wider mean counts for."""


@dataclass(frozen=True, slots=True)
class ShrunkenMeans:
    """Mean score per (feature, model), shrunk towards the feature's and that towards the overall mean.

    The simple baseline that a trained recommender must beat.
    """

    overall: float
    features: dict[str, float]
    models: dict[tuple[str, str], float]

    @classmethod
    def fit(cls, rows: Sequence[Row]) -> ShrunkenMeans:
        """From training rows with `feature_id`, `model_id`, `n`, `score_sum`."""
        overall = _mean(rows, 0.5, 1.0)
        by_feature: dict[str, list[Row]] = defaultdict(list)
        by_model: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in rows:
            by_feature[row["feature_id"]].append(row)
            by_model[row["feature_id"], row["model_id"]].append(row)
        features = {f: _mean(group, overall, SHRINKAGE) for f, group in by_feature.items()}
        models = {k: _mean(group, features[k[0]], SHRINKAGE) for k, group in by_model.items()}
        return cls(overall, features, models)

    def expected(self, feature_id: str, model_id: str) -> float:
        """Expected mean score, 0 to 1."""
        return self.models.get((feature_id, model_id), self.features.get(feature_id, self.overall))


def training_rows(connection: Connection, *, now: datetime) -> list[Row]:
    """Judged answers per organization, feature, model and day, as far as they may be pooled."""
    return run_sql(connection, "queries/recommender_training", {"today": now.date()})


def load_estimate(connection: Connection, *, now: datetime) -> tuple[QualityEstimate, uuid.UUID | None]:
    """The recommender in use and its version; the shrunken means where none is published."""
    rows = training_rows(connection, now=now)
    means = ShrunkenMeans.fit(rows)
    run = connection.execute(
        text(
            "SELECT id, artifact FROM recommender_runs WHERE published AND artifact IS NOT NULL "
            "ORDER BY trained_at DESC LIMIT 1"
        )
    ).first()
    if run is None:
        return (lambda _organization, feature, model: means.expected(feature, model)), None
    from modelscout.recommender.training import load_model, predict

    model = load_model(bytes(run.artifact))
    known = _descriptions(connection)

    def estimate(organization_id: str, feature_id: str, model_id: str) -> float:
        row = {"organization_id": organization_id, "feature_id": feature_id, "model_id": model_id}
        return float(predict(model, [row | known.get(model_id, {})])[0])

    return estimate, run.id


def _descriptions(connection: Connection) -> dict[str, dict[str, Any]]:
    rows = connection.execute(
        text(
            "SELECT id::text AS id, coalesce(family, 'unknown') AS family, "
            "coalesce((use_case_scores -> 'high_accuracy' ->> 'score')::double precision, 50) / 100 "
            "AS documented_accuracy FROM ai_models"
        )
    )
    return {r.id: {"family": r.family, "documented_accuracy": r.documented_accuracy} for r in rows}


def _mean(rows: Sequence[Row], prior: float, weight: float) -> float:
    n = sum(row["n"] for row in rows)
    return float((prior * weight + sum(row["score_sum"] for row in rows)) / (weight + n))
