"""Daily amounts of the coming days: a log-linear trend and a weekly season, intervals by bootstrap.

log(amount) = level + slope * day + weekday effect + noise, by least squares; the noise of a day leans on that of the
day before (AR(1), its coefficient corrected for the bias of short pasts: Marriott and Pope 1954). The interval repeats
the whole: redrawn innovations make a new past (sieve bootstrap, Buehlmann 1997), the fit is repeated on it, and further
ones become the noise of the days to come. So it holds the noise and what the fit does not know. Days
without any amount are outside the logarithm: they come back as often as each weekday had them. It knows nothing of
what has not happened yet: launches, outages, holidays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from modelscout.core.errors import ConfigurationError

Array = NDArray[np.float64]
LEAST_DAYS, LEAST_USED_DAYS = 28, 21
MOST_CARRIED = 0.9
"""Of a day's noise into the next: more cannot be told from a trend."""
DRAWS = 2000
WARM_UP_DAYS = 30


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median and the bounds of its interval, in the unit of the amounts."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """The coming days in order, and their sum."""

    days: tuple[Estimate, ...]
    total: Estimate
    growth_per_week: Estimate
    """1.02 is 2 % more each week."""


def forecast(
    amounts: Array,
    first_day: date,
    *,
    multipliers: Array,
    skip_days: int = 0,
    level: float = 0.9,
    seed: int = 0,
) -> Forecast:
    """The days after `amounts` (one each day from `first_day`, at least 0), each times its multiplier.

    The first `skip_days` of them are left out. Raises ConfigurationError where the past is too short.
    """
    used = amounts > 0
    if len(amounts) < LEAST_DAYS or used.sum() < LEAST_USED_DAYS:
        raise ConfigurationError(
            f"history has {len(amounts)} days, {int(used.sum())} of them with known amounts: a prediction needs at "
            f"least {LEAST_DAYS} and {LEAST_USED_DAYS}; wait, or widen the question"
        )
    rng = np.random.default_rng(seed)
    days = np.arange(len(amounts) + skip_days + len(multipliers))
    weekdays = (days + first_day.weekday()) % 7
    design = _design(days, weekdays, len(amounts))
    future = slice(len(amounts) + skip_days, None)
    coefficients, noise = _redraw(
        np.log(amounts[used]), design[: len(amounts)][used], skip_days + len(multipliers), rng
    )
    noise = noise[:, skip_days:]
    drawn = np.exp(coefficients @ design[future].T + noise) * multipliers
    idle = np.array([1 - used[weekdays[: len(used)] == w].mean() for w in range(7)])
    drawn *= rng.random(drawn.shape) >= idle[weekdays[future]]
    growth = np.exp(coefficients[:, 1] * 7 / len(amounts))
    tail = (1 - level) / 2
    return Forecast(
        days=tuple(_estimate(column, tail) for column in drawn.T),
        total=_estimate(drawn.sum(axis=1), tail),
        growth_per_week=_estimate(growth, tail),
    )


def _design(days: NDArray[np.int64], weekdays: NDArray[np.int64], history: int) -> Array:
    """Level, slope per history, and six weekday effects that sum to zero with the seventh."""
    effects = np.eye(7)[weekdays]
    return np.column_stack(
        [np.ones(len(days)), (days - (history - 1) / 2) / history, effects[:, :6] - effects[:, 6:]]
    )


def _redraw(y: Array, x: Array, horizon: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Coefficients of redrawn pasts (draws x coefficients), and noise of the days to come (draws x horizon)."""
    solve = np.linalg.pinv(x)
    fitted = x @ (solve @ y)
    residuals, n = y - fitted, len(y)
    scale = float(residuals @ residuals)
    carried = float(residuals[1:] @ residuals[:-1]) / scale if scale else 0.0
    carried = float(np.clip(carried + (2 + 4 * carried) / n, 0, MOST_CARRIED))
    innovations = residuals[1:] - carried * residuals[:-1]
    # Residuals are smaller than the noise by what the fit took up: one for each coefficient, and the carried share.
    innovations = (innovations - innovations.mean()) * np.sqrt(n / (n - x.shape[1] - 1))
    past = _carry(rng.choice(innovations, size=(DRAWS, WARM_UP_DAYS + n)), np.zeros(DRAWS), carried)
    coefficients = (fitted + past[:, WARM_UP_DAYS:]) @ solve.T
    # What the last day was off by is seen against each redrawn fit: its own error goes on into the days to come.
    last_day_off = y[-1] - coefficients @ x[-1]
    return coefficients, _carry(rng.choice(innovations, size=(DRAWS, horizon)), last_day_off, carried)


def _carry(innovations: Array, before: Array, carried: float) -> Array:
    """Noise (draws x days) in which each day has a share of the day before."""
    noise = np.empty_like(innovations)
    for day in range(innovations.shape[1]):
        before = noise[:, day] = carried * before + innovations[:, day]
    return noise


def _estimate(draws: Array, tail: float) -> Estimate:
    low, median, high = np.quantile(draws, [tail, 0.5, 1 - tail])
    return Estimate(float(median), float(low), float(high))
