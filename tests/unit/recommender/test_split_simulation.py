"""A feature split by complexity, thirty nights, five candidates: the short form, the long one with `make verify`."""

from __future__ import annotations

import pytest
from test_simulation import ALLOWED, allowed

from simulation import SCENARIOS, independent
from split_simulation import simulate_split

AT_THE_MARGIN = (-0.03, -0.03, -0.03)
GOOD_ON_EASY_WORK = (0.0, -0.05, -0.05)
"""In the mean beyond the margin as well."""


@pytest.mark.parametrize("effects", [AT_THE_MARGIN, GOOD_ON_EASY_WORK])
@pytest.mark.parametrize(("items", "runs"), [(300, 200), (1200, 60)])
def test_few_runs_send_work_to_a_model_that_is_not_good_enough(
    effects: tuple[float, ...], items: int, runs: int
) -> None:
    wrong, _ = simulate_split(independent, items=items, effects=effects, runs=runs, seed=1)
    assert wrong <= allowed(runs)


def test_easy_work_goes_to_a_model_that_is_as_good_on_it() -> None:
    _, right = simulate_split(independent, items=15_000, effects=GOOD_ON_EASY_WORK, runs=20, seed=2, count=1)
    assert right >= 0.75


@pytest.mark.verify
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("effects", [AT_THE_MARGIN, GOOD_ON_EASY_WORK])
@pytest.mark.parametrize("name", SCENARIOS)
def test_at_most_five_percent_of_runs_send_work_wrongly(name: str, effects: tuple[float, ...]) -> None:
    for items in (30, 300, 1000, 3000):
        wrong, _ = simulate_split(SCENARIOS[name], items=items, effects=effects, runs=2000, seed=1)
        assert wrong <= ALLOWED, (name, items, wrong)
