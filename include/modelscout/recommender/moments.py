"""Sums over the items that two models have in common: all that means, differences and ratios of pairs need.

Item-level rows stay where they are (in SQL or in one matrix product); what is carried is a handful of sums per pair.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from modelscout.recommender.case import NORMAL_90, Interval

Array = npt.NDArray[np.float64]


class PairSums(NamedTuple):
    """Sums over the items where the values of both a candidate c and a reference r are known."""

    n: int
    candidate: float
    reference: float
    candidate_squared: float
    reference_squared: float
    product: float

    def difference(self) -> tuple[float, float]:
        """Mean of c - r and its variance per item; (0, 1) of nothing."""
        if not self.n:
            return 0.0, 1.0
        mean = (self.candidate - self.reference) / self.n
        squares = self.candidate_squared + self.reference_squared - 2.0 * self.product
        return mean, max(0.0, squares / self.n - mean**2)

    def shared_variance(self) -> float:
        """Variance per item that the difference has in common with those of other candidates.

        What the reference varies by itself, beyond what it shares with a candidate: Var(r) - Cov(c, r), taking
        candidates to be as correlated with each other as with the reference.
        """
        if not self.n:
            return 0.0
        reference, candidate = self.reference / self.n, self.candidate / self.n
        own = self.reference_squared / self.n - reference**2
        return max(0.0, own - (self.product / self.n - candidate * reference))

    def ratio(self) -> Interval | None:
        """Ratio of the means c / r with a 90 % interval (delta method); None of fewer than two or free items."""
        if self.n < 2 or self.reference <= 0.0:
            return None
        ratio = self.candidate / self.reference
        # Sum of (c - ratio * r)**2, whose mean is 0 by construction.
        squares = self.candidate_squared + ratio**2 * self.reference_squared - 2.0 * ratio * self.product
        # What cancels between equal costs leaves a rounding error, not a spread.
        squares = squares if squares > 1e-12 * self.candidate_squared else 0.0
        spread = math.sqrt(squares / (self.n - 1))
        error = spread * math.sqrt(self.n) / self.reference
        return Interval(ratio, max(0.0, ratio - NORMAL_90 * error), ratio + NORMAL_90 * error)


class LogSums(NamedTuple):
    """Sums over the logarithms of positive numbers."""

    n: int
    total: float
    squared: float

    def mean(self) -> tuple[float, float]:
        """Mean and the variance of that mean; needs two numbers."""
        mean = self.total / self.n
        return mean, max(0.0, self.squared / self.n - mean**2) / (self.n - 1)

    def ratio(self, reference: LogSums | None = None) -> Interval | None:
        """Geometric mean with a 90 % interval: of ratios, or divided by that of another group; None of too few."""
        groups = [self] if reference is None else [self, reference]
        if min(g.n for g in groups) < 2:
            return None
        means = [g.mean() for g in groups]
        centre = means[0][0] - sum(mean for mean, _ in means[1:])
        error = NORMAL_90 * math.sqrt(sum(variance for _, variance in means))
        return Interval(math.exp(centre), math.exp(centre - error), math.exp(centre + error))


class PairTable(NamedTuple):
    """The sums of every pair of columns of a table at once: models by models."""

    n: Array
    total: Array
    """total[i, j]: sum of column i over the rows where both i and j are known."""
    squared: Array
    product: Array

    @classmethod
    def of(cls, values: Array) -> PairTable:
        """From items by models, NaN where an item was not answered."""
        known = ~np.isnan(values)
        filled = np.where(known, values, 0.0)
        there = known.astype(np.float64)
        return cls(there.T @ there, filled.T @ there, (filled**2).T @ there, filled.T @ filled)

    def pair(self, candidate: int, reference: int) -> PairSums:
        """The sums of one pair."""
        c, r = candidate, reference
        return PairSums(
            int(self.n[c, r]),
            float(self.total[c, r]),
            float(self.total[r, c]),
            float(self.squared[c, r]),
            float(self.squared[r, c]),
            float(self.product[c, r]),
        )


def shrink(effects: Array, variances: Array, shared_variance: float = 0.0) -> list[Interval]:
    """Empirical Bayes: effects measured with these sampling variances, shrunk towards what they have in common.

    effect_k ~ N(truth_k + shared, own variance_k), truth_k ~ N(centre, spread**2), both estimated from the effects
    themselves (Paule and Mandel 1982). `shared_variance` is the part of every variance that moves all effects alike,
    as chance in the reference does; it widens the intervals and is no reason to shrink. The largest of many estimates
    is the one that chance helped most; its shrunken estimate is not, so that the gain promised for the chosen model
    can be kept. 90 % intervals.
    """
    own = np.maximum(variances - shared_variance, 1e-6)
    spread = _spread(effects, own)
    precision = 1.0 / (own + spread)
    centre = float(precision @ effects / precision.sum())
    own_share = spread / (spread + own)
    estimates = own_share * effects + (1.0 - own_share) * centre
    errors = np.sqrt(shared_variance + own_share * own + (1.0 - own_share) ** 2 / precision.sum())
    return [Interval.normal(e, s) for e, s in zip(estimates.tolist(), errors.tolist(), strict=True)]


LEAST_SPREAD = 0.02
"""Candidates differ in truth by at least so much, as a standard deviation: from few nothing can be concluded."""


def _spread(effects: Array, variances: Array) -> float:
    """Variance of the truths: where the weighted squares around the centre are as large as they should be."""
    low, high = LEAST_SPREAD**2, 1.0
    for _ in range(40):
        middle = (low + high) / 2.0
        precision = 1.0 / (variances + middle)
        centre = precision @ effects / precision.sum()
        too_small = float(precision @ (effects - centre) ** 2) > len(effects) - 1
        low, high = (middle, high) if too_small else (low, middle)
    return low
