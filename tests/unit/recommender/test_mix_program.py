"""The programme behind a mix: columns that its bound leaves out could not have been better."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from modelscout.recommender.mix_program import Program

SLOTS, MODELS, PROVIDERS = 8, 15, 5
BUDGET = 5.0
Both = list[list[tuple[float, float]]]
"""Penalty and USD of each model, for each slot."""


@pytest.mark.parametrize("seed", range(12))
def test_columns_that_are_not_searched_could_not_have_been_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    penalties = rng.uniform(0, 1, (SLOTS, MODELS))
    usd = rng.uniform(0, 1, (SLOTS, MODELS)) + 0.7 * (1 - penalties)
    slots = [list(zip(*rows, strict=True)) for rows in zip(penalties.tolist(), usd.tolist(), strict=True)]
    program = Program()
    opened = [program.column() for _ in range(PROVIDERS)]
    program.at_most(((column, 1.0) for column in opened), 2.0)
    spent = []
    for slot in slots:
        columns = [program.column(penalty) for penalty, _ in slot]
        program.equal(((column, 1.0) for column in columns), 1.0)
        for number, column in enumerate(columns):
            program.at_most([(column, 1.0), (opened[number % PROVIDERS], -1.0)], 0.0)
        spent += [(column, u) for column, (_, u) in zip(columns, slot, strict=True)]
    program.at_most(spent, BUDGET)
    found = program.solve()
    assert found is not None
    assert penalties.ravel()[found[PROVIDERS:]].sum() == pytest.approx(least_penalty(slots), abs=1e-9)


def least_penalty(slots: Both) -> float:
    """By every pair of providers."""
    return min(
        least_within_budget(
            [[pair for m, pair in enumerate(slot) if m % PROVIDERS in chosen] for slot in slots]
        )
        for chosen in itertools.combinations(range(PROVIDERS), 2)
    )


def least_within_budget(slots: Both) -> float:
    """By keeping, slot by slot, the sums that no other beats in both penalty and USD."""
    front = [(0.0, 0.0)]
    for slot in slots:
        sums = sorted((p + q, u + v) for p, u in front for q, v in slot if u + v <= BUDGET)
        front, least = [], math.inf
        for penalty, spent in sums:
            if spent < least:
                front.append((penalty, spent))
                least = spent
    return front[0][0] if front else math.inf
