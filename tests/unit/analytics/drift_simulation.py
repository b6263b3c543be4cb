"""Simulated traffic of S streams over D days, stable or changed. Used by the tests of drift."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from modelscout.analytics.drift_signals import Days, weigh_streams


@dataclass(frozen=True)
class Scenario:
    """How the days of a stream come about. Shifts begin with `changes_on`."""

    requests: float = 500.0
    success: float = 0.97
    overdispersion: float = 0.0
    """Standard deviation of the days' own rates, for success, latency and cost alike."""
    heavy_tails: bool = False
    """Days' own deviations follow Student's t with 3 degrees of freedom instead of the normal."""
    weekend_effect: float = 0.0
    """Weekends answer so much less often, and slower."""
    growth_per_day: float = 0.0
    autocorrelation: float = 0.0
    sizes_change_on: int | None = None
    """From this day on requests are 60 % larger, and cost more in proportion."""
    changes_on: int | None = None
    success_change: float = 0.0
    slowness_change: float = 0.0
    cost_change: float = 0.0
    """Relative."""


def simulate(rng: np.random.Generator, scenario: Scenario, streams: int, days: int) -> Days:
    weekend = np.broadcast_to((np.arange(days) % 7 >= 5).astype(float), (streams, days)).copy()
    shape = weekend.shape
    volume = (
        scenario.requests * np.exp(scenario.growth_per_day * np.arange(days)) * rng.lognormal(0, 0.1, shape)
    )
    requests = rng.poisson(volume * np.where(weekend == 1, 0.4, 1.0)).astype(float)
    own = [_own(rng, scenario, shape) for _ in range(3)]
    changed = np.arange(days) >= (days if scenario.changes_on is None else scenario.changes_on)
    success = (
        scenario.success - scenario.weekend_effect * weekend + own[0] + scenario.success_change * changed
    )
    successes = rng.binomial(requests.astype(int), np.clip(success, 0.001, 0.9999)).astype(float)
    slowness = 0.45 + scenario.weekend_effect * weekend + own[1] + scenario.slowness_change * changed
    noise = rng.standard_normal(shape) / np.sqrt(12 * np.maximum(requests, 1))
    size = np.log2(901 * rng.lognormal(0, 0.05, shape))
    if scenario.sizes_change_on is not None:
        size[:, scenario.sizes_change_on :] += np.log2(1.6)
    cost = 0.001 * 2 ** (size - 9.8) * np.exp(own[2] + scenario.cost_change * changed)
    cost *= np.exp(0.6 * rng.standard_normal(shape) / np.sqrt(np.maximum(successes, 1)))
    judged = np.floor(successes * 0.3)
    return Days(
        requests=requests,
        successes=successes,
        judged=judged,
        score_sum=rng.binomial(judged.astype(int), 0.85).astype(float),
        timed=requests,
        slowness_sum=requests * np.clip(slowness + noise, 0, 1),
        priced=successes,
        cost_sum=successes * cost,
        weekend=weekend,
        size=size,
    )


def _own(rng: np.random.Generator, scenario: Scenario, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Deviations of the days themselves, of variance overdispersion ** 2."""
    draw = rng.standard_t(3, shape) / np.sqrt(3) if scenario.heavy_tails else rng.standard_normal(shape)
    for day in range(1, shape[1]):
        r = scenario.autocorrelation
        draw[:, day] = r * draw[:, day - 1] + np.sqrt(1 - r**2) * draw[:, day]
    return np.asarray(scenario.overdispersion * draw)


def until(days: Days, last: int) -> Days:
    """The first so many days."""
    return Days(**{f.name: getattr(days, f.name)[:, :last] for f in fields(Days)})


def log_e_by_night(days: Days, nights: range) -> npt.NDArray[np.float64]:
    """S x nights: the streams' e-values as each night sees them, after so many days."""
    return np.stack([weigh_streams(until(days, night)).log_e for night in nights], axis=1)
