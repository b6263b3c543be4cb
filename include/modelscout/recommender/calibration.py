"""Holds the intervals against later days, and widens or narrows them until 90 % of those lie inside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from modelscout.recommender.case import NORMAL_90
from modelscout.recommender.moments import Array
from modelscout.recommender.own_answers import Posterior, group_codes, own_effects, posterior
from modelscout.recommender.pooling import PooledModel, fit, recode
from modelscout.recommender.training_data import Cells, Mask

COVERAGE = 0.9
FEWEST = 40
"""Later cells below which a factor would be chance, and stays 1."""
LEFT_OUT = 0.15
"""Share of the organizations, and of the cells of the others, that are left out to see how the unknown is met."""
NARROWEST, WIDEST = 0.7, 3.0
CHANCE = 1.5
"""Standard errors by which a share of later means may differ from 90 % before anything is changed."""


def expect(model: PooledModel, later: Cells, own: Cells, names: Mapping[str, Sequence[str]]) -> Posterior:
    """What the model lets expect of the later cells, given the own answers of earlier days."""
    codes = recode(later.codes, names, model.names)
    groups = group_codes(later.codes, names)
    return posterior(model, codes, later.documented_accuracy, groups, own_effects(model, own, names))


def widening(
    model: PooledModel, earlier: Cells, later: Cells, names: Mapping[str, Sequence[str]], *, seed: int
) -> dict[str, float]:
    """Factors of the standard error: of estimates with own answers, and of those with none.

    Those with none are of organizations and of cells that a second fit, with the same variances, has not seen.
    """
    with_own = expect(model, later, earlier, names)
    has_own = with_own.n > 0
    rng = np.random.default_rng(seed)
    hidden, hidden_later = _left_out(earlier, later, names, rng)
    partial = fit(model.target, earlier.where(~hidden), names, seed=seed, variances=model.variances)
    without = expect(partial, later, earlier.where(~hidden), names)
    # Later days are few, so that their own noise hides how good an estimate from many earlier ones is: those may
    # show that it is worse than thought, never that it is better.
    return {
        "own": _factor(model, with_own, later, has_own, narrowest=1.0),
        "none": _factor(model, without, later, hidden_later & (without.n == 0), narrowest=NARROWEST),
    }


def _left_out(
    earlier: Cells, later: Cells, names: Mapping[str, Sequence[str]], rng: np.random.Generator
) -> tuple[Mask, Mask]:
    organizations = rng.random(len(names["organization_id"])) < LEFT_OUT
    groups = group_codes(earlier.codes, names)
    some = np.unique(groups)
    some = some[rng.random(len(some)) < LEFT_OUT]
    hidden = organizations[earlier.codes["organization_id"]] | np.isin(groups, some)
    later_hidden = organizations[later.codes["organization_id"]] | np.isin(
        group_codes(later.codes, names), some
    )
    return hidden, later_hidden


def _factor(model: PooledModel, found: Posterior, later: Cells, chosen: Mask, *, narrowest: float) -> float:
    """The factor nearest to 1 at which as many later means lie inside as 90 % allow, chance considered."""
    count = int(chosen.sum())
    if count < FEWEST:
        return 1.0
    distance = np.abs(later.sums.mean - found.mean)[chosen]
    noise = model.noise.of_mean(later.sums)[chosen]
    variance = found.variance[chosen]
    chance = CHANCE * math.sqrt(COVERAGE * (1.0 - COVERAGE) / count)
    inside = _share_inside(distance, variance + noise)
    if abs(inside - COVERAGE) <= chance:
        return 1.0
    goal = COVERAGE + math.copysign(chance, inside - COVERAGE)
    low, high = (narrowest, 1.0) if inside > goal else (1.0, WIDEST)
    for _ in range(30):
        middle = (low + high) / 2.0
        enough = _share_inside(distance, middle**2 * variance + noise) >= goal
        low, high = (low, middle) if enough else (middle, high)
    return high


def _share_inside(distance: Array, variance: Array) -> float:
    return float((distance <= NORMAL_90 * np.sqrt(variance)).mean())
