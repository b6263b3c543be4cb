"""The shape of the demo's traffic, as benchmarks/fit_traffic.py fits it; see docs/demo.md for the fit.

Tenants, users, day and night: ServeGen client windows (alibaba/ServeGen @f891d11, Apache-2.0). Token
lengths: Azure LLM inference trace 2023 (Azure/AzurePublicDataset @b469a11, CC BY 4.0).
"""

from __future__ import annotations

from collections.abc import Mapping
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
UNKNOWN = -1
"""Stands for NULL in whole-numbered columns."""
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


@dataclass(frozen=True, slots=True)
class FeatureTraffic:
    """What a feature's requests look like."""

    input_tokens: LengthMixture
    """Without images."""
    output_tokens: LengthMixture
    outcome_kind: str
    images: tuple[float, ...] = ()
    """Shares of requests with 1, 2, … images; empty: none has any."""
    cached_share: float = 0.0
    """Part of the requests that find their beginning in the provider's cache."""
    streamed: bool = False
    items: int = 0
    """Size of the catalogue whose items the requests are about; 0: none."""
    scored: bool = False
    """Whether the application records the model's confidence."""
    urgency: str = "near-real-time"
    accuracy: str = "standard"


_TAGGING_PROMPT = LengthMixture(((1.0, 5.0, 0.25),), 600)
FEATURE_TRAFFIC: Mapping[str, FeatureTraffic] = {
    "photo_tagging": FeatureTraffic(
        _TAGGING_PROMPT,
        CODE_OUTPUT,
        "correction",
        images=(0.86, 0.10, 0.04),
        items=40_000,
        scored=True,
        urgency="batch",
    ),
    "descriptions": FeatureTraffic(
        CONV_INPUT, CONV_OUTPUT, "correction", items=12_000, streamed=True, accuracy="high"
    ),
    "chat": FeatureTraffic(
        CONV_INPUT, CONV_OUTPUT, "rating", cached_share=0.5, streamed=True, urgency="real-time"
    ),
    "search": FeatureTraffic(
        CODE_INPUT, CODE_OUTPUT, "rating", cached_share=0.3, streamed=True, urgency="real-time"
    ),
    "moderation": FeatureTraffic(CONV_INPUT, CODE_OUTPUT, "check", scored=True, accuracy="critical"),
}
"""Chat and descriptions are as long as the conversations of the trace; search, like its code completion,
reads much and writes little. The tagging prompt is the demo's own: no trace has one."""


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
