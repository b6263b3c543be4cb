"""Simulated nights of a feature that is split by complexity: how often a candidate gets work it is not good enough for.

The rule is that of the nightly publish: `weigh_many` with what earlier nights stored, for the feature as a whole and
for each level, each at its share of the error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from modelscout.recommender import betting
from modelscout.recommender.betting import Streams
from modelscout.recommender.evidence import weigh_many
from modelscout.recommender.openings import LEVELS
from modelscout.recommender.spending import error_share, share_of_a_level, share_of_the_whole
from simulation import MARGIN, SLACK, Array, Scenario, night_ends


def simulate_split(
    scenario: Scenario, *, items: int, effects: Sequence[float], runs: int, seed: int, count: int = 5
) -> tuple[float, float]:
    """Shares of runs in which a wrong proof came, and in which every candidate's first level was approved.

    `effects`: of each level, the same for all `count` candidates. Wrong is a level, or the whole, whose effect is at
    the margin or beyond.
    """
    rng = np.random.default_rng([seed, items])
    batch = max(1, min(runs, 1_000_000 // (items * count)))
    wrong, right, done = 0, 0, 0
    while done < runs:
        some = min(batch, runs - done)
        differences, level_of = _mixed(scenario, rng, some, count, items, effects)
        approved = _approved(differences, level_of)
        means = [float(np.mean([effects[i] for i in level_of])), *effects]
        null = np.asarray([mean <= -MARGIN for mean in means])
        wrong += int(approved[:, :, null].any(axis=(1, 2)).sum())
        right += int(approved[:, :, 1].all(axis=1).sum())
        done += some
    return wrong / runs, right / runs


def _mixed(
    scenario: Scenario, rng: np.random.Generator, runs: int, count: int, items: int, effects: Sequence[float]
) -> tuple[Array, npt.NDArray[np.int64]]:
    """Items in the order in which they come in, easy and hard in turn, and the level of each.

    What items have to do with each other they have to do with those before them, of whatever level.
    """
    level_of = np.arange(items) % len(LEVELS)
    mixed = np.empty((runs, count, items))
    for effect in sorted(set(effects)):
        own = np.isin(level_of, [level for level, of_level in enumerate(effects) if of_level == effect])
        mixed[..., own] = scenario(rng, runs, count, items, effect)[..., own]
    return mixed, level_of


def _approved(differences: Array, level_of: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Runs by candidates by (whole, levels): what is proven after the last night."""
    runs, count, items = differences.shape
    share = error_share(1, count)
    alphas = [share_of_the_whole(share), *[share_of_a_level(share, len(LEVELS))] * len(LEVELS)]
    members = [np.arange(items), *(np.flatnonzero(level_of == level) for level in range(len(LEVELS)))]
    found = np.zeros((runs * count, len(members)), dtype=np.bool_)
    flat = differences.reshape(runs * count, items)
    for column, (own, alpha) in enumerate(zip(members, alphas, strict=True)):
        rows = flat[:, own]
        # What never comes near approval needs no thirty nights.
        near = np.flatnonzero(betting.path_peak(Streams.of(list(rows)), MARGIN) >= -math.log(alpha) - SLACK)
        known = [int(np.searchsorted(own, end)) for end in night_ends(items)]
        found[near, column] = _nightly(rows[near], alpha, [n for n in known if n])
    return found.reshape(runs, count, len(members))


def _nightly(rows: Array, alpha: float, looks: Sequence[int]) -> npt.NDArray[np.bool_]:
    stored, proven = [0.0] * len(rows), np.zeros(len(rows), dtype=np.bool_)
    for known in looks if len(rows) else ():
        evidence = weigh_many(
            Streams.of([row[:known] for row in rows]),
            margins=[MARGIN] * len(rows),
            alphas=[alpha] * len(rows),
            earlier_log_e_values=stored,
        )
        stored = [e.log_e_value for e in evidence]
        proven = np.asarray([e.proven for e in evidence])
    return proven
