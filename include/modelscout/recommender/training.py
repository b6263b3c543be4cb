"""Trains the recommender on earlier days, judges it on later ones, and publishes it only if it is better."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import version
from typing import Any

from sqlalchemy import Connection, Engine, text

from modelscout.recommender.artifact import KIND, Version, dump_version, load_version
from modelscout.recommender.calibration import expect, widening
from modelscout.recommender.judging import TargetErrors, verdict_on
from modelscout.recommender.moments import Array
from modelscout.recommender.pooling import LEVELS, PooledModel, fit, widened
from modelscout.recommender.shrunken_means import ShrunkenMeans
from modelscout.recommender.training_data import (
    HOLDOUT_DAYS,
    TARGETS,
    Cells,
    TrainingData,
    read_training_data,
)
from modelscout.warehouse.engine import one_snapshot, run_sql

MINIMUM_ROWS = 20
LIBRARIES = ("scikit-learn", "skops", "numpy", "scipy")


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What one training found. `error` and the two beside it are those of the quality."""

    run_id: uuid.UUID
    rows: int
    """Judged days of cells that may be pooled."""
    error: float | None
    baseline_error: float | None
    in_use_error: float | None
    published: bool
    reason: str
    targets: Mapping[str, TargetErrors]


def train(engine: Engine, *, run_key: str, now: datetime, seed: int = 7) -> TrainingReport:
    """Fit, evaluate on the last days, publish only if better than what is in use and than the shrunken mean.

    Running it again for the same `run_key` replaces the same row.
    """
    run_id = _run_id(run_key)
    with one_snapshot(engine) as connection:
        in_use = _version_in_use(connection, run_id)
        unseen_from = in_use[1] + timedelta(days=1) if in_use else None
        data = read_training_data(connection, today=now.date(), unseen_from=unseen_from)
    if not _is_enough(data):
        report = _report(run_id, data, {}, (False, "too few judged days to train on"))
        _store(engine, report, data, artifact=None, now=now, seed=seed)
        return report
    candidate: dict[str, PooledModel] = {}
    errors: dict[str, TargetErrors] = {}
    for target in TARGETS:
        earlier = data.cells(target, data.shares & (data.period == 0))
        if float(earlier.sums.days.sum()) >= MINIMUM_ROWS:
            candidate[target], errors[target] = _fit_and_judge(data, target, earlier, in_use, seed)
    report = _report(run_id, data, errors, verdict_on(errors, is_first=in_use is None))
    artifact = dump_version(_on_all_days(data, candidate, seed)) if report.published else None
    _store(engine, report, data, artifact=artifact, now=now, seed=seed)
    return report


def was_trained_on(engine: Engine, day: date) -> bool:
    """Whether a training of that UTC day has ended, published or not."""
    statement = text(
        "SELECT EXISTS (SELECT 1 FROM recommender_runs WHERE (trained_at AT TIME ZONE 'UTC')::date = :day)"
    )
    with engine.connect() as connection:
        return bool(connection.execute(statement, {"day": day}).scalar())


def _is_enough(data: TrainingData) -> bool:
    days = data.sums["quality"].days
    earlier = days[data.shares & (data.period == 0)].sum()
    return bool(earlier >= MINIMUM_ROWS and days[data.shares & (data.period > 0)].sum() > 0)


def _fit_and_judge(
    data: TrainingData, target: str, earlier: Cells, in_use: tuple[Version, date] | None, seed: int
) -> tuple[PooledModel, TargetErrors]:
    """One target fitted on the earlier days, its intervals calibrated and its errors measured on the later ones."""
    names = data.names
    later = data.cells(target, data.shares & (data.period > 0))
    model = fit(target, earlier, names, seed=seed)
    if not len(later):
        return model, TargetErrors()
    model = widened(model, widening(model, earlier, later, names, seed=seed))
    unseen = data.cells(target, data.shares & (data.period == 2))
    rival = in_use[0].get(target) if in_use else None
    can_compare = rival is not None and len(unseen) > 0
    return model, TargetErrors(
        error=_error(expect(model, later, earlier, names).mean, later),
        shrunken_mean=_error(ShrunkenMeans.fit(target, earlier, names).expected(later, names), later),
        unseen_error=_error(expect(model, unseen, earlier, names).mean, unseen) if can_compare else None,
        in_use=_error(expect(rival, unseen, earlier, names).mean, unseen) if rival and can_compare else None,
    )


def _on_all_days(data: TrainingData, candidate: Version, seed: int) -> Version:
    """The candidate fitted again, later days included, with the variances and factors that were judged."""
    return {
        target: widened(
            fit(target, data.cells(target, data.shares), data.names, seed=seed, variances=model.variances),
            model.widening,
        )
        for target, model in candidate.items()
    }


def _version_in_use(connection: Connection, but_not: uuid.UUID) -> tuple[Version, date] | None:
    """The published models and the last day that they were trained on."""
    row = connection.execute(
        text(
            "SELECT artifact, data_to FROM recommender_runs WHERE published AND artifact IS NOT NULL "
            "AND kind = :kind AND id <> :id ORDER BY trained_at DESC LIMIT 1"
        ),
        {"id": but_not, "kind": KIND},
    ).first()
    return None if row is None else (load_version(bytes(row.artifact)), row.data_to)


def _error(expected: Array, cells: Cells) -> float:
    """Mean squared error per answer, over days."""
    sums = cells.sums
    squares = sums.nyy - 2.0 * expected * sums.ny + expected**2 * sums.n
    return max(0.0, float(squares.sum() / sums.n.sum()))


def _run_id(run_key: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"modelscout/recommender/{run_key}")


def _report(
    run_id: uuid.UUID, data: TrainingData, errors: Mapping[str, TargetErrors], verdict: tuple[bool, str]
) -> TrainingReport:
    quality = errors.get("quality", TargetErrors())
    return TrainingReport(
        run_id, data.judged_days, quality.error, quality.shrunken_mean, quality.in_use, *verdict, errors
    )


def _store(
    engine: Engine,
    report: TrainingReport,
    data: TrainingData,
    *,
    artifact: bytes | None,
    now: datetime,
    seed: int,
) -> None:
    metrics: dict[str, Any] = {
        "mean_squared_error": report.error,
        "shrunken_mean": report.baseline_error,
        "in_use": report.in_use_error,
        "rows": report.rows,
        "cells": int(data.shares.sum()),
        "holdout_days": HOLDOUT_DAYS,
        "targets": {target: asdict(errors) for target, errors in report.targets.items()},
    }
    with engine.begin() as connection:
        run_sql(
            connection,
            "queries/recommender_run_write",
            {
                "id": str(report.run_id),
                "now": now,
                "data_from": data.first_day,
                "data_to": data.last_day,
                "kind": KIND,
                "metrics": json.dumps(metrics),
                "feature_names": [level.name for level in LEVELS],
                "library_versions": json.dumps({name: version(name) for name in LIBRARIES}),
                "seed": seed,
                "published": report.published,
                "reason": report.reason,
                "artifact": artifact,
            },
        )
