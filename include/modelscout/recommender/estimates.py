"""What is expected of models for features: what the version in use pools, and each organization's own answers.

The version is from a past night; own answers are always those of now, and only those of the organization asked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, text

from modelscout.recommender.artifact import KIND, Version, load_version
from modelscout.recommender.case import Interval, ModelEstimate
from modelscout.recommender.own_answers import GROUP, TRAFFIC, group_codes, intervals, own_effects, posterior
from modelscout.recommender.pooling import SIMPLE_LEVELS, PooledModel, fit, preset_variances
from modelscout.recommender.training_data import KEYS, TARGETS, Codes, Mask, TrainingData, read_training_data

UNKNOWN = "unknown"


class Asked(NamedTuple):
    """What an estimate is wanted of. `workload`: low, medium or high; None: what the feature mostly does."""

    organization_id: str
    feature_id: str
    model_id: str
    workload: str | None = None


class _Model(NamedTuple):
    family: str
    documented_accuracy: float


@dataclass(frozen=True)
class Estimates:
    """The recommender in use, ready to be asked; simple shrunken means with wide intervals where there is none."""

    version_id: uuid.UUID | None
    version: Version
    data: TrainingData
    models: Mapping[str, _Model]
    workloads: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """By organization and feature: what it mostly does."""

    def of(self, asked: Sequence[Asked]) -> list[ModelEstimate]:
        """One estimate per question, all at once."""
        found = {target: self._of_target(target, asked) for target in TARGETS}
        quality, answers = found["quality"]
        return [
            ModelEstimate(
                quality=_known(quality[i]),
                latency_ms=found["latency"][0][i],
                cost_usd=found["cost"][0][i],
                own_answers=answers[i],
            )
            for i in range(len(asked))
        ]

    def _of_target(self, target: str, asked: Sequence[Asked]) -> tuple[list[Interval | None], list[int]]:
        model = self.version.get(target)
        if model is None:
            return [None] * len(asked), [0] * len(asked)
        data = self.data
        # Only groups that are asked for are looked up, so nothing of another organization comes in.
        own = own_effects(model, data.cells(target, np.ones(len(data.period), dtype=np.bool_)), data.names)
        columns = self._columns(asked)
        accuracy = np.asarray([self._described(a.model_id).documented_accuracy for a in asked])
        groups = group_codes(_codes({key: columns[key] for key in GROUP}, data.names), data.names)
        found = posterior(model, _codes(columns, model.names), accuracy, groups, own)
        is_known = _is_known(model, found.n)
        ends = intervals(model, found)
        return [e if k else None for e, k in zip(ends, is_known, strict=True)], found.n.astype(int).tolist()

    def _columns(self, asked: Sequence[Asked]) -> dict[str, list[str]]:
        usual = [self.workloads.get((a.organization_id, a.feature_id), UNKNOWN) for a in asked]
        return {
            "organization_id": [a.organization_id for a in asked],
            "feature_id": [a.feature_id for a in asked],
            "model_id": [a.model_id for a in asked],
            "family": [self._described(a.model_id).family for a in asked],
            "workload": [a.workload or kind for a, kind in zip(asked, usual, strict=True)],
            "source": [TRAFFIC] * len(asked),
        }

    def _described(self, model_id: str) -> _Model:
        return self.models.get(model_id, _Model(UNKNOWN, 0.5))


def load_estimates(connection: Connection, *, now: datetime) -> Estimates:
    """The recommender in use and what the organizations' own answers are today."""
    data = read_training_data(connection, today=now.date())
    run = connection.execute(
        text(
            "SELECT id, artifact FROM recommender_runs WHERE published AND artifact IS NOT NULL "
            "AND kind = :kind ORDER BY trained_at DESC LIMIT 1"
        ),
        {"kind": KIND},
    ).first()
    version = load_version(bytes(run.artifact)) if run else _simple_version(data)
    return Estimates(run.id if run else None, version, data, _models(connection), _workloads(data))


def _simple_version(data: TrainingData) -> Version:
    return {
        target: fit(
            target,
            data.cells(target, data.shares),
            data.names,
            seed=0,
            levels=SIMPLE_LEVELS,
            variances=preset_variances(target, SIMPLE_LEVELS),
        )
        for target in TARGETS
    }


def _is_known(model: PooledModel, own_answers: np.ndarray) -> Mask:
    """Quality always has a value to start from; of time and money nothing is said where nobody knows anything."""
    if model.target == "quality" or len(model.effects["everything"].keys):
        return np.ones(len(own_answers), dtype=np.bool_)
    return np.asarray(own_answers > 0)


def _known(quality: Interval | None) -> Interval:
    return quality if quality is not None else Interval(0.5, 0.0, 1.0)


def _codes(columns: Mapping[str, Sequence[str]], names: Mapping[str, Sequence[str]]) -> dict[str, Codes]:
    found = {}
    for key in (k for k in KEYS if k in columns):
        known = {name: code for code, name in enumerate(names[key])}
        found[key] = np.asarray([known.get(value, -1) for value in columns[key]], dtype=np.int64)
    return found


def _workloads(data: TrainingData) -> dict[tuple[str, str], str]:
    """What each feature's traffic mostly is, replayed items where it has none."""
    names, codes = data.names, data.codes
    traffic = np.asarray([name == TRAFFIC for name in names["source"]], dtype=np.bool_)
    # Traffic last, so that it overwrites.
    order = np.argsort(traffic[codes["source"]], kind="stable")
    columns = [
        np.asarray(names[key], dtype=object)[codes[key][order]].tolist() if len(order) else []
        for key in ("organization_id", "feature_id", "workload")
    ]
    return {(o, f): w for o, f, w in zip(*columns, strict=True)}


def _models(connection: Connection) -> dict[str, _Model]:
    rows = connection.execute(
        text(
            "SELECT id::text AS id, coalesce(family, 'unknown') AS family, "
            "coalesce((use_case_scores -> 'high_accuracy' ->> 'score')::double precision, 50) / 100 "
            "AS documented_accuracy FROM ai_models"
        )
    )
    return {r.id: _Model(r.family, r.documented_accuracy) for r in rows}
