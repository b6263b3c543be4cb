"""Thirty nights, five candidates: the short form here, the long one with `make verify`."""

from __future__ import annotations

import math

import pytest

from simulation import SCENARIOS, independent, simulate

ALLOWED = 0.05
AT_THE_MARGIN, WORSE = -0.03, -0.06


def allowed(runs: int) -> float:
    """The rate that a true rate of 5 % stays below in 99.9 % of simulations."""
    return ALLOWED + 3.1 * math.sqrt(ALLOWED * (1 - ALLOWED) / runs)


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize(("items", "runs"), [(10, 200), (300, 200), (1000, 60)])
def test_few_runs_switch_wrongly(name: str, items: int, runs: int) -> None:
    found = simulate(SCENARIOS[name], items=items, effect=AT_THE_MARGIN, runs=runs, seed=1)
    assert found.ours <= allowed(runs)


def test_rules_of_others_do() -> None:
    found = simulate(independent, items=300, effect=AT_THE_MARGIN, runs=100, seed=1)
    assert found.point_rule > 0.9
    assert found.nightly_test > 0.5


def test_an_equal_candidate_alone_is_found() -> None:
    assert simulate(independent, items=1000, effect=0.0, runs=150, seed=2, count=1).ours >= 0.5 - 0.12
    assert simulate(independent, items=3000, effect=0.0, runs=60, seed=2, count=1).ours >= 0.95 - 0.08


@pytest.mark.verify
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("effect", [AT_THE_MARGIN, WORSE])
@pytest.mark.parametrize("name", SCENARIOS)
def test_at_most_five_percent_of_runs_switch_wrongly(name: str, effect: float) -> None:
    for items in (10, 30, 100, 300, 1000, 3000):
        found = simulate(SCENARIOS[name], items=items, effect=effect, runs=2000, seed=1)
        assert found.ours <= ALLOWED, (name, items, found)


@pytest.mark.verify
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("items", "power"), [(1000, 0.5), (3000, 0.95)])
def test_one_equal_candidate_alone_is_approved(items: int, power: float) -> None:
    found = simulate(independent, items=items, effect=0.0, runs=2000, seed=2, count=1)
    assert found.ours >= power
