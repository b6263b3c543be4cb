"""A strong and a weak model, task by task: which tasks the strong one is worth its price for.

The gain of the strong model per task, shrunken over the tasks, ranks them; calling the strong model for the first so
many of them gives a curve of quality over the share of strong calls, measured as routers are (RouteLLM,
routellm/evals/evaluate.py): the performance gap recovered PGR = (quality - weak) / (strong - weak).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from modelscout.recommender.moments import Array, PairTable, shrink
from modelscout.recommender.outcomes import TaskOutcomes


class Curve(NamedTuple):
    """How a router does on held-out items; shares of strong calls 0 to 1."""

    cpt50: float
    """Share of strong calls that recovers half of the gap."""
    cpt80: float
    apgr: float
    """Mean of the gap recovered over all shares of strong calls."""


def route_by_task(tasks: Sequence[TaskOutcomes], strong: str, weak: str, *, labels: int, seed: int) -> Curve:
    """Rank tasks from `labels` items drawn over all tasks; measure on all other items."""
    pairs = [np.column_stack([_column(t, strong), _column(t, weak)]) for t in tasks]
    task_of = np.repeat(np.arange(len(pairs)), [len(p) for p in pairs])
    outcomes = np.concatenate(pairs)
    labelled = np.zeros(len(outcomes), dtype=np.bool_)
    labelled[np.random.default_rng(seed).permutation(len(outcomes))[:labels]] = True
    gains = expected_gains([outcomes[labelled & (task_of == i)] for i in range(len(pairs))])
    rest = outcomes[~labelled]
    return curve(gains[task_of[~labelled]], rest[:, 0], rest[:, 1])


def _column(task: TaskOutcomes, model: str) -> Array:
    return task.scores[:, task.models.index(model)]


def expected_gains(outcomes: Sequence[Array]) -> Array:
    """Mean score of the first model minus that of the second per task, shrunken over all tasks.

    `outcomes`: per task items by the two models. A task without labels gets what the others have in common.
    """
    sums = [PairTable.of(o.reshape(-1, 2)).pair(0, 1) for o in outcomes]
    counts = np.asarray([s.n for s in sums], dtype=np.float64)
    means = np.asarray([s.difference()[0] for s in sums])
    # Few labels of a task say little about its spread: all tasks together do.
    spread = np.asarray([s.difference()[1] for s in sums])
    overall = float(
        (counts * (spread + means**2)).sum() / counts.sum() - ((counts * means).sum() / counts.sum()) ** 2
    )
    known = counts > 0
    gains = np.full(len(sums), float((counts * means).sum() / counts.sum()))
    gains[known] = [i.estimate for i in shrink(means[known], overall / counts[known])]
    return gains


def curve(gains: Array, strong: Array, weak: Array) -> Curve:
    """The curve of calling the strong model where the expected gain is largest; items of one gain in proportion."""
    order = np.argsort(-gains, kind="stable")
    levels, first = np.unique(-gains[order], return_index=True)
    ends = np.asarray([*first[1:], len(order)])
    won = np.concatenate([[0.0], np.cumsum((strong - weak)[order])])
    share = np.concatenate([[0.0], ends / len(order)])
    recovered = np.concatenate([[0.0], won[ends]]) / won[-1]
    del levels
    return Curve(_share_for(0.5, share, recovered), _share_for(0.8, share, recovered),
                 float(np.trapezoid(recovered, share)))  # fmt: skip


def _share_for(wanted: float, share: Array, recovered: Array) -> float:
    """The smallest share of strong calls that recovers `wanted` of the gap."""
    above = int(np.argmax(recovered >= wanted))
    low, high = recovered[above - 1], recovered[above]
    return float(share[above - 1] + (share[above] - share[above - 1]) * (wanted - low) / (high - low))
