"""The simple baseline that a trained version must beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelscout.recommender.moments import Array
from modelscout.recommender.pooling import SCALES
from modelscout.recommender.training_data import Cells, Codes, combine

SHRINKAGE = 50.0
"""Answers that the wider mean counts for."""


@dataclass(frozen=True)
class ShrunkenMeans:
    """Mean per (feature, model), shrunk towards the feature's and that towards the overall mean."""

    overall: float
    features: Array
    """By code of the feature; NaN where unknown."""
    models: Mapping[int, float]

    @classmethod
    def fit(cls, target: str, cells: Cells, names: Mapping[str, Sequence[str]]) -> ShrunkenMeans:
        """From the cells of earlier days."""
        n, total = cells.sums.n, cells.sums.ny
        overall = float((SCALES[target].centre + total.sum()) / (1.0 + n.sum()))
        feature = cells.codes["feature_id"]
        features = _shrink(feature, n, total, np.full(len(names["feature_id"]), overall))
        pairs, first, inverse = np.unique(_pairs(cells, names), return_index=True, return_inverse=True)
        models = _shrink(inverse, n, total, features[feature[first]])
        return cls(overall, features, dict(zip(pairs.tolist(), models.tolist(), strict=True)))

    def expected(self, cells: Cells, names: Mapping[str, Sequence[str]]) -> Array:
        """Expected value of each cell."""
        wider = self.features[cells.codes["feature_id"]]
        pairs = _pairs(cells, names).tolist()
        return np.asarray([self.models.get(p, w) for p, w in zip(pairs, wider.tolist(), strict=True)])


def _pairs(cells: Cells, names: Mapping[str, Sequence[str]]) -> Codes:
    keys = ("feature_id", "model_id")
    return combine([cells.codes[k] for k in keys], [len(names[k]) for k in keys])


def _shrink(group: Codes, n: Array, total: Array, prior: Array) -> Array:
    size = len(prior)
    return np.asarray(
        (prior * SHRINKAGE + np.bincount(group, total, size)) / (SHRINKAGE + np.bincount(group, n, size))
    )
