"""How much a cell's own mean varies around its long-run mean: per answer and per day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelscout.recommender.moments import Array
from modelscout.recommender.training_data import Sums

ANSWER_SCALE = {"quality": 1.0, "latency": 0.5, "cost": 0.5}
"""Expected before anything is seen: a score varies like a coin, a log response time or cost by about 70 %."""
EXPECTED_DEGREES = 20.0
"""Degrees of freedom that the expectation counts for."""

LEAST_SHARE = 0.05
"""Of that expectation, below which answers that were all alike are taken to be chance."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Variance of the mean of a day with n answers: per_answer * v / n + per_day.

    v is p (1 - p) of a quality p, 1 of the logarithms.
    """

    is_share: bool
    centre: float
    per_answer: float
    per_day: float

    @classmethod
    def fit(cls, target: str, sums: Sums) -> Noise:
        """From how much the days of each cell differ, weighted least squares over cells, three rounds.

        E[sum n_d (y_d - mean)**2] = (days - 1) per_answer v + (N - sum n_d**2 / N) per_day.
        """
        from sklearn.linear_model import LinearRegression

        regression = LinearRegression(positive=True, fit_intercept=False)
        is_share = target == "quality"
        total = float(sums.n.sum())
        centre = float(sums.ny.sum() / total) if total else 0.5
        noise = cls(is_share, centre, ANSWER_SCALE[target], 0.0)
        chosen = sums.days > 1.5
        degrees = sums.days[chosen] - 1.0
        if not len(degrees):
            return noise
        mean = sums.mean[chosen]
        squares = np.maximum(sums.nyy[chosen] - mean * sums.ny[chosen], 0.0) / degrees
        spread = (sums.n[chosen] - sums.nn[chosen] / sums.n[chosen]) / degrees
        v = noise._answer_variance(sums)[chosen]
        least = LEAST_SHARE * ANSWER_SCALE[target]
        for _ in range(3):
            expected = np.maximum(noise.per_answer * v + noise.per_day * spread, 1e-12)
            # The expectation of a coin's spread enters as one more cell of so many degrees.
            rows = np.append(np.stack([v, spread], axis=1), [[ANSWER_SCALE[target], 0.0]], axis=0)
            goal = np.append(squares, ANSWER_SCALE[target] ** 2)
            coin = ANSWER_SCALE[target] * noise.per_answer
            weight = np.append(degrees / expected**2, EXPECTED_DEGREES / coin**2)
            per_answer, per_day = regression.fit(rows, goal, sample_weight=weight).coef_
            noise = cls(is_share, centre, max(float(per_answer), least), float(per_day))
        return noise

    def of_mean(self, sums: Sums) -> Array:
        """Variance of each cell's own mean."""
        n = np.maximum(sums.n, 1e-9)
        answers = self.per_answer * self._answer_variance(sums) / n
        return np.asarray(np.maximum(answers + self.per_day * sums.nn / n**2, 1e-8))

    def _answer_variance(self, sums: Sums) -> Array:
        if not self.is_share:
            return np.ones_like(sums.n)
        # Two answers of the general mean more: all of few right is not certain to be right.
        share = np.clip((sums.ny + 2.0 * self.centre) / (sums.n + 2.0), 1e-3, 1.0 - 1e-3)
        return share * (1.0 - share)
