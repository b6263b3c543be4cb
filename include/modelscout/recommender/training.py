"""Trains the recommender on earlier days, judges it on later ones, and publishes it only if it is better."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine, text

from modelscout.core.errors import ConfigurationError
from modelscout.recommender.estimates import ShrunkenMeans, training_rows
from modelscout.warehouse.engine import Row, run_sql

HOLDOUT_DAYS = 7
MINIMUM_ROWS = 20
CATEGORIES = ("organization_id", "feature_id", "model_id", "family", "feature_model")
NUMBERS = ("documented_accuracy",)
LIBRARIES = ("scikit-learn", "skops", "pandas", "numpy")


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What one training found. Errors are mean squared, per answer, on the held-out days.

    `in_use_error` is of those held-out days that the version in use was not trained on; None where there is none.
    """

    run_id: uuid.UUID
    rows: int
    error: float | None
    baseline_error: float | None
    in_use_error: float | None
    published: bool
    reason: str


def train(engine: Engine, *, run_key: str, now: datetime, seed: int = 7) -> TrainingReport:
    """Fit, evaluate on the last days, publish only if better than what is in use and than the shrunken mean.

    Running it again for the same `run_key` replaces the same row.
    """
    with engine.connect() as connection:
        rows = training_rows(connection, now=now)
        in_use = _version_in_use(connection, _run_id(run_key))
    earlier, later = _split(rows, now.date())
    if len(earlier) < MINIMUM_ROWS or not later:
        report = TrainingReport(
            _run_id(run_key), len(rows), None, None, None, False, "too few judged days to train on"
        )
        _store(engine, report, rows, artifact=None, now=now, seed=seed)
        return report
    candidate = fit(earlier, seed=seed)
    error = _error(predict(candidate, later), later)
    means = ShrunkenMeans.fit(earlier)
    baseline = _error(np.asarray([means.expected(r["feature_id"], r["model_id"]) for r in later]), later)
    rivals = None if in_use is None else _on_unseen_days(candidate, in_use, later)
    published, reason = _judge(error, baseline, rivals, first=in_use is None)
    in_use_error = rivals.in_use if rivals else None
    report = TrainingReport(_run_id(run_key), len(rows), error, baseline, in_use_error, published, reason)
    artifact = dump_model(fit(rows, seed=seed)) if published else None
    _store(engine, report, rows, artifact=artifact, now=now, seed=seed)
    return report


class _Rivals(NamedTuple):
    """Errors of both versions on the days that are new to the version in use."""

    candidate: float
    in_use: float


def _version_in_use(connection: Connection, but_not: uuid.UUID) -> tuple[Any, date] | None:
    """The published model and the last day that it was trained on."""
    row = connection.execute(
        text(
            "SELECT artifact, data_to FROM recommender_runs WHERE published AND artifact IS NOT NULL "
            "AND id <> :id ORDER BY trained_at DESC LIMIT 1"
        ),
        {"id": but_not},
    ).first()
    return None if row is None else (load_model(bytes(row.artifact)), row.data_to)


def _on_unseen_days(candidate: Any, in_use: tuple[Any, date], later: Sequence[Row]) -> _Rivals | None:
    # What it was fitted to would flatter the version in use, so that it would never be replaced.
    model, trained_to = in_use
    unseen = [r for r in later if r["day"] > trained_to]
    if not unseen:
        return None
    return _Rivals(_error(predict(candidate, unseen), unseen), _error(predict(model, unseen), unseen))


def was_trained_on(engine: Engine, day: date) -> bool:
    """Whether a training of that UTC day has ended, published or not."""
    statement = text(
        "SELECT EXISTS (SELECT 1 FROM recommender_runs WHERE (trained_at AT TIME ZONE 'UTC')::date = :day)"
    )
    with engine.connect() as connection:
        return bool(connection.execute(statement, {"day": day}).scalar())


def fit(rows: Sequence[Row], *, seed: int) -> Any:
    """A ridge regression of the mean score on organization, feature, model and family, weighted by answers."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    encode = ColumnTransformer(
        [
            ("categories", OneHotEncoder(handle_unknown="ignore"), list(CATEGORIES)),
            ("numbers", "passthrough", list(NUMBERS)),
        ]
    )
    model = Pipeline([("encode", encode), ("ridge", Ridge(alpha=20.0, random_state=seed))])
    n = np.asarray([r["n"] for r in rows])
    target = np.asarray([r["score_sum"] for r in rows]) / n
    return model.fit(_frame(rows), target, ridge__sample_weight=n)


def predict(model: Any, rows: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.float64]:
    """Expected mean scores, within 0 to 1."""
    return np.clip(np.asarray(model.predict(_frame(rows)), dtype=np.float64), 0.0, 1.0)


def dump_model(model: Any) -> bytes:
    """A skops file: it loads without running code."""
    import skops.io

    return bytes(skops.io.dumps(model))


def load_model(artifact: bytes) -> Any:
    """Load a skops file. Raises ConfigurationError where it holds types that we never write."""
    import skops.io

    unknown = skops.io.get_untrusted_types(data=artifact)
    if unknown:
        raise ConfigurationError(f"recommender artifact holds unknown types {unknown}: train again")
    return skops.io.loads(artifact)


def _frame(rows: Sequence[Mapping[str, Any]]) -> Any:
    import pandas as pd

    frame = pd.DataFrame(
        {
            "organization_id": [r["organization_id"] for r in rows],
            "feature_id": [r["feature_id"] for r in rows],
            "model_id": [r["model_id"] for r in rows],
            "family": [r.get("family", "unknown") for r in rows],
            "documented_accuracy": [float(r.get("documented_accuracy", 0.5)) for r in rows],
        }
    )
    frame["feature_model"] = frame["feature_id"] + "/" + frame["model_id"]
    # Plain objects: the encoder's categories then need no pandas type in the artifact.
    return frame.astype(dict.fromkeys(CATEGORIES, object))


def _split(rows: Sequence[Row], today: date) -> tuple[list[Row], list[Row]]:
    first_held_out = today - timedelta(days=HOLDOUT_DAYS - 1)
    earlier = [r for r in rows if r["day"] < first_held_out]
    return earlier, [r for r in rows if r["day"] >= first_held_out]


def _error(expected: npt.NDArray[np.float64], rows: Sequence[Row]) -> float:
    n = np.asarray([r["n"] for r in rows])
    mean = np.asarray([r["score_sum"] for r in rows]) / n
    return float((n * (expected - mean) ** 2).sum() / n.sum())


def _judge(error: float, baseline: float, rivals: _Rivals | None, *, first: bool) -> tuple[bool, str]:
    if error >= baseline:
        return False, f"not better than the shrunken mean ({error:.6f} against {baseline:.6f})"
    if rivals is None and not first:
        return False, "no judged day since the version in use was trained"
    if rivals is not None and rivals.candidate > rivals.in_use:
        return (
            False,
            f"not better than the version in use ({rivals.candidate:.6f} against {rivals.in_use:.6f})",
        )
    return True, f"better than the shrunken mean ({error:.6f} against {baseline:.6f})"


def _run_id(run_key: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"modelscout/recommender/{run_key}")


def _store(
    engine: Engine,
    report: TrainingReport,
    rows: Sequence[Row],
    *,
    artifact: bytes | None,
    now: datetime,
    seed: int,
) -> None:
    days = [r["day"] for r in rows]
    metrics = {
        "mean_squared_error": report.error,
        "shrunken_mean": report.baseline_error,
        "in_use": report.in_use_error,
        "rows": report.rows,
        "holdout_days": HOLDOUT_DAYS,
    }
    with engine.begin() as connection:
        run_sql(
            connection,
            "queries/recommender_run_write",
            {
                "id": str(report.run_id),
                "now": now,
                "data_from": min(days, default=None),
                "data_to": max(days, default=None),
                "kind": "ridge",
                "metrics": json.dumps(metrics),
                "feature_names": [*CATEGORIES, *NUMBERS],
                "library_versions": json.dumps({name: version(name) for name in LIBRARIES}),
                "seed": seed,
                "published": report.published,
                "reason": report.reason,
                "artifact": artifact,
            },
        )
