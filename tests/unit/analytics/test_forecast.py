"""The prediction of daily amounts: its intervals hold what comes as often as they say."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from modelscout.analytics.forecast import Array, forecast
from modelscout.core.errors import ConfigurationError

MONDAY = date(2026, 8, 31)
WEEK = np.array([0.0, 0.1, 0.1, 0.05, 0.0, -0.6, -0.7])
HORIZON = 30


def amounts(
    seed: int, days: int, *, carried: float = 0.0, noise: float = 0.15, slope: float = 0.004
) -> Array:
    """Days with a trend, a week's season and noise that leans on the day before."""
    shocks, number = np.random.default_rng(seed).normal(0, noise, days), np.arange(days)
    off = np.zeros(days)
    for day in range(days):
        off[day] = (carried * off[day - 1] if day else 0.0) + shocks[day]
    return np.asarray(np.exp(3 + slope * number + WEEK[number % 7] + off))


@pytest.mark.parametrize("carried", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("history", [56, 84])
def test_intervals_of_ninety_percent_hold_the_later_days_as_often_as_they_say(
    carried: float, history: int
) -> None:
    totals = days = 0.0
    worlds = 200
    for seed in range(worlds):
        world = amounts(seed, history + HORIZON, carried=carried)
        found = forecast(world[:history], MONDAY, multipliers=np.ones(HORIZON), seed=seed)
        later = world[history:]
        totals += found.total.low <= later.sum() <= found.total.high
        days += np.mean([e.low <= x <= e.high for e, x in zip(found.days, later, strict=True)])
    assert 0.85 <= totals / worlds <= 0.95
    assert 0.85 <= days / worlds <= 0.95


def test_season_trend_and_multipliers_come_through_without_noise() -> None:
    world = amounts(0, 84 + HORIZON, noise=0.0)
    found = forecast(world[:84], MONDAY, multipliers=np.full(HORIZON, 2.0))
    assert [e.median for e in found.days] == pytest.approx(list(2 * world[84:]), rel=1e-6)
    assert found.growth_per_week.median == pytest.approx(np.exp(7 * 0.004))


def test_skipped_days_are_left_out_and_the_rest_stays_where_it_is() -> None:
    world = amounts(0, 84 + HORIZON, noise=0.0)
    found = forecast(world[:84], MONDAY, multipliers=np.ones(10), skip_days=20)
    assert [e.median for e in found.days] == pytest.approx(list(world[104:114]), rel=1e-6)


def test_weekdays_without_use_stay_without_use() -> None:
    world = amounts(1, 84)
    world[np.arange(84) % 7 >= 5] = 0
    found = forecast(world, MONDAY, multipliers=np.ones(14))
    assert [e.high == 0 for e in found.days] == [False] * 5 + [True] * 2 + [False] * 5 + [True] * 2


@pytest.mark.parametrize(("days", "used"), [(27, 27), (40, 20)])
def test_a_short_past_is_refused_with_the_remedy(days: int, used: int) -> None:
    world = np.zeros(days)
    world[:used] = 1
    with pytest.raises(
        ConfigurationError, match=rf"history has {days} days, {used} of them .* wait, or widen"
    ):
        forecast(world, MONDAY, multipliers=np.ones(7))
