"""The shape of the demo's traffic, as benchmarks/fit_traffic.py fits it; see docs/demo.md for the fit.

Tenants, users, day and night: ServeGen client windows (alibaba/ServeGen @f891d11, Apache-2.0). Token
lengths: Azure LLM inference trace 2023 (Azure/AzurePublicDataset @b469a11, CC BY 4.0).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]

REQUESTS_PER_DAY = 7_400
"""Of all organizations together, on an average day."""
DAY_SIGMA = 0.15
"""Spread of the log of requests per day and organization."""
DAY_HARMONICS = (-0.177, -0.258, 0.086, 0.012)
"""Day and night in local time: cosine and sine of one turn a day, then of two."""
USER_SIGMA = 2.17
"""Spread of the log of requests per user of one organization."""
USERS_PER_ORGANIZATION = 400
DAY_MS = 86_400_000
_MINUTES = 1_440


@dataclass(frozen=True, slots=True)
class LengthMixture:
    """Token counts as a mixture of log-normals: (weight, mu, sigma) of the natural logarithm."""

    parts: tuple[tuple[float, float, float], ...]
    longest: int
    shortest: int = 1

    def draw(self, rng: np.random.Generator, size: int) -> Counts:
        """So many token counts."""
        weights = np.array([weight for weight, _, _ in self.parts])
        chosen = rng.choice(len(self.parts), size, p=weights / weights.sum())
        mu = np.array([part[1] for part in self.parts])[chosen]
        sigma = np.array([part[2] for part in self.parts])[chosen]
        values = np.exp(rng.normal(mu, sigma))
        return np.clip(np.rint(values), self.shortest, self.longest).astype(np.int64)


CONV_INPUT = LengthMixture(((0.475, 5.89, 0.82), (0.374, 7.0, 0.1), (0.151, 8.08, 0.33)), 14_050)
CONV_OUTPUT = LengthMixture(((0.497, 4.58, 0.39), (0.213, 4.71, 1.1), (0.29, 6.01, 0.06)), 1_000)
CODE_INPUT = LengthMixture(((0.23, 5.04, 1.08), (0.354, 7.03, 0.55), (0.416, 8.05, 0.56)), 7_437)
CODE_OUTPUT = LengthMixture(((0.45, 2.17, 0.27), (0.359, 2.86, 0.4), (0.191, 4.1, 0.81)), 1_899)


def minute_weights(utc_offset_hours: int) -> Numbers:
    """Relative traffic of every minute of a UTC day, where the users' clocks differ by the offset."""
    local_hour = (np.arange(_MINUTES) + 0.5) / 60 + utc_offset_hours
    angle = 2 * np.pi * local_hour / 24
    a, b, c, d = DAY_HARMONICS
    curve = 1 + a * np.cos(angle) + b * np.sin(angle) + c * np.cos(2 * angle) + d * np.sin(2 * angle)
    return np.asarray(curve / curve.sum(), dtype=np.float64)


def draw_times_ms(rng: np.random.Generator, size: int, utc_offset_hours: int) -> Counts:
    """So many moments of a UTC day in milliseconds, in order."""
    minutes = rng.choice(_MINUTES, size, p=minute_weights(utc_offset_hours))
    return np.sort(minutes * 60_000 + rng.integers(0, 60_000, size)).astype(np.int64)


def user_weights() -> Numbers:
    """Shares of one organization's users, the busiest first: the quantiles of the fitted log-normal."""
    ranks = (np.arange(USERS_PER_ORGANIZATION)[::-1] + 0.5) / USERS_PER_ORGANIZATION
    weights = np.exp(USER_SIGMA * np.array([NormalDist().inv_cdf(float(rank)) for rank in ranks]))
    return np.asarray(weights / weights.sum(), dtype=np.float64)
