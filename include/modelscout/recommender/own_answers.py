"""What an organization's own answers add to what is pooled: the conjugate update of its own effect.

The effect of one organization's model in one feature is normal around 0; its own answers measure it with their noise.
With few answers the estimate stays with what is pooled, with thousands it is the organization's own mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from modelscout.recommender.case import NORMAL_90, Interval
from modelscout.recommender.moments import Array
from modelscout.recommender.pooling import OTHER_SOURCE, SCALES, PooledModel, recode
from modelscout.recommender.training_data import Cells, Codes, Mask, combine

GROUP = ("organization_id", "feature_id", "model_id")
TRAFFIC = "traffic"


class OwnEffects(NamedTuple):
    """What the own answers of each (organization, feature, model) measured beside what is pooled."""

    groups: Codes
    """Sorted, in codes of the data that they come from."""
    measured: Array
    variance: Array
    n: Array


class Posterior(NamedTuple):
    """Estimates of one target on its own scale, per row asked."""

    mean: Array
    variance: Array
    n: Array
    """Own answers that went into it."""


def group_codes(codes: Mapping[str, Codes], names: Mapping[str, Sequence[str]]) -> Codes:
    """One code per (organization, feature, model)."""
    return combine([codes[key] for key in GROUP], [len(names[key]) for key in GROUP])


def own_effects(model: PooledModel, cells: Cells, names: Mapping[str, Sequence[str]]) -> OwnEffects:
    """Weigh the cells of each group by their precision."""
    pooled = model.expected(recode(cells.codes, names, model.names), cells.documented_accuracy).mean
    traffic = names["source"].index(TRAFFIC) if TRAFFIC in names["source"] else -1
    other = np.where(
        cells.codes["source"] == traffic,
        0.0,
        model.variances.get(OTHER_SOURCE, SCALES[model.target].effect ** 2),
    )
    # Replayed items measure the traffic's effect only as far as both sources agree.
    precision = 1.0 / (model.noise.of_mean(cells.sums) + other)
    groups, inverse = np.unique(group_codes(cells.codes, names), return_inverse=True)
    total = np.bincount(inverse, precision, len(groups))
    measured = np.bincount(inverse, precision * (cells.sums.mean - pooled), len(groups))
    n = np.asarray(np.bincount(inverse, cells.sums.n, len(groups)), dtype=np.float64)
    return OwnEffects(groups, measured / np.maximum(total, 1e-12), 1.0 / np.maximum(total, 1e-12), n)


def posterior(
    model: PooledModel, codes: Mapping[str, Codes], documented_accuracy: Array, groups: Codes, own: OwnEffects
) -> Posterior:
    """Estimates of rows whose `codes` are the model's own, and `groups` those of the own effects."""
    mean, pooled, unknown = model.expected(codes, documented_accuracy)
    # What nobody has told yet of the levels above is measured by the own answers too.
    own_variance = model.variances["own"] + unknown
    found, place = _find(own.groups, groups)
    if not len(own.groups):
        return Posterior(mean, pooled + own_variance, np.zeros(len(mean)))
    weight = np.where(found, own_variance / (own_variance + own.variance[place]), 0.0)
    measured = np.where(found, own.measured[place], 0.0)
    left = np.where(found, weight * own.variance[place], own_variance)
    n = np.where(found, own.n[place], 0.0)
    return Posterior(mean + weight * measured, left + (1.0 - weight) ** 2 * pooled, n)


def standard_errors(model: PooledModel, found: Posterior) -> Array:
    """Calibrated on later days."""
    factor = np.where(found.n > 0, model.widening["own"], model.widening["none"])
    return np.asarray(factor * np.sqrt(found.variance))


def intervals(model: PooledModel, found: Posterior) -> list[Interval]:
    """90 % intervals: of quality within 0 to 1, of the others in ms and USD."""
    errors = NORMAL_90 * standard_errors(model, found)
    ends = np.stack([found.mean, found.mean - errors, found.mean + errors], axis=1)
    ends = np.clip(ends, 0.0, 1.0) if model.target == "quality" else np.exp(np.clip(ends, -50.0, 50.0))
    return [Interval(*row) for row in ends.tolist()]


def _find(keys: Codes, wanted: Codes) -> tuple[Mask, Codes]:
    place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    return (keys[place] == wanted if len(keys) else np.zeros(len(wanted), dtype=np.bool_)), place
