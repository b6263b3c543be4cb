"""Simulated organizations whose true quality, latency and cost are known, as the training reads them.

Qualities differ on the logit scale by feature, model, organization and their combinations, so that nothing in the
estimates' own assumptions (normal effects on the score itself) is true. Scores are coins; days differ beyond chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from scipy.special import expit

from modelscout.recommender.moments import Array
from modelscout.recommender.training_data import HOLDOUT_DAYS, TARGETS, Codes, Sums, TrainingData

TODAY = date(2026, 11, 25)
KINDS = ("low", "medium", "high")


@dataclass(frozen=True)
class World:
    """Cells of (organization, feature, model): codes, the truth of each target, and whether it has traffic."""

    names: Mapping[str, tuple[str, ...]]
    codes: Mapping[str, Codes]
    truth: Mapping[str, Array]
    data: TrainingData
    answers: Array
    """Judged answers on the training days; 0 of a cell that was never used."""


def simulate_world(
    seed: int,
    *,
    organizations: int = 80,
    features: int = 5,
    models: int = 8,
    days: int = 40,
    used: float = 0.4,
) -> World:
    """A world in which a tenth of the organizations, and a share of the others' cells, have no traffic yet."""
    rng = np.random.default_rng(seed)
    o, f, m = (
        a.ravel() for a in np.meshgrid(*map(np.arange, (organizations, features, models)), indexing="ij")
    )
    family, kind = m // 2, (o * features + f) % len(KINDS)
    truth = {
        "quality": expit(1.6 + _effects(rng, o, f, m, family, kind, 0.45)),
        "latency": 7.0 + _effects(rng, o, f, m, family, kind, 0.25),
        "cost": -6.5 + _effects(rng, o, f, m, family, kind, 0.35),
    }
    names = {
        "organization_id": tuple(f"organization-{i}" for i in range(organizations)),
        "feature_id": tuple(f"feature-{i}" for i in range(features)),
        "model_id": tuple(f"model-{i}" for i in range(models)),
        "family": tuple(f"family-{i}" for i in range((models + 1) // 2)),
        "workload": KINDS,
        "source": ("traffic",),
    }
    codes = {
        "organization_id": o, "feature_id": f, "model_id": m, "family": family, "workload": kind,
        "source": np.zeros_like(o),
    }  # fmt: skip
    is_new = rng.random(organizations) < 0.1
    rate = np.exp(rng.normal(2.0, 1.5, size=len(o))) * ((rng.random(len(o)) < used) & ~is_new[o])
    n = rng.poisson(rate[:, None], size=(len(o), days)).astype(np.float64)
    values = {target: _days(rng, target, truth[target], n) for target in TARGETS}
    data = _training_data(names, codes, n, values, days)
    return World(names, codes, truth, data, n[:, : days - HOLDOUT_DAYS].sum(axis=1))


def _effects(
    rng: np.random.Generator, o: Codes, f: Codes, m: Codes, family: Codes, kind: Codes, size: float
) -> Array:
    models = int(m.max()) + 1
    features = int(f.max()) + 1
    total = np.zeros(len(o))
    for code, share in (
        (f, 1.0), (m, 0.7), (family, 0.7), (f * models + m, 0.5), (o, 0.6), (o * features + f, 0.4),
        (o * models + m, 0.3), (m * len(KINDS) + kind, 0.2), (np.arange(len(o)), 0.4),
    ):  # fmt: skip
        total += rng.normal(0.0, size * share, size=int(code.max()) + 1)[code]
    return total


def _days(rng: np.random.Generator, target: str, truth: Array, n: Array) -> Array:
    """Mean of each day's answers: coins, or logarithms of what varies by 60 % per answer; days differ by 3 to 5 %."""
    if target == "quality":
        odds = np.log(truth / (1.0 - truth))[:, None] + rng.normal(0.0, 0.15, size=n.shape)
        return np.divide(rng.binomial(n.astype(np.int64), expit(odds)), np.maximum(n, 1.0))
    noise = rng.normal(0.0, 1.0, size=n.shape) * 0.6 / np.sqrt(np.maximum(n, 1.0))
    return np.asarray(truth[:, None] + noise + rng.normal(0.0, 0.05, size=n.shape))


def _training_data(
    names: Mapping[str, tuple[str, ...]],
    codes: Mapping[str, Codes],
    n: Array,
    values: Mapping[str, Array],
    days: int,
) -> TrainingData:
    parts = [(0, slice(0, days - HOLDOUT_DAYS)), (2, slice(days - HOLDOUT_DAYS, days))]
    cells = len(n)
    sums = {
        target: Sums(
            *(
                np.concatenate([column(n[:, part], y[:, part]).sum(axis=1) for _, part in parts])
                for column in (
                    lambda k, _: (k > 0).astype(np.float64), lambda k, _: k, lambda k, v: k * v,
                    lambda k, v: k * v**2, lambda k, _: k**2,
                )
            )
        )
        for target, y in values.items()
    }  # fmt: skip
    return TrainingData(
        names=names,
        codes={key: np.tile(c, 2) for key, c in codes.items()},
        documented_accuracy=np.full(2 * cells, 0.5),
        shares=np.ones(2 * cells, dtype=np.bool_),
        period=np.repeat([0, 2], cells),
        sums=sums,
        first_day=TODAY - timedelta(days=days - 1),
        last_day=TODAY,
    )
