"""The guard of a change that was made: is its quality proven to have fallen by more than the margin?

It is looked at every night, so that its bounds are those of evidence.py, which hold at all looks together. Two
streams, each with its share of the error: answers judged since the switch against the former model's quality, and
items that both models answered, the new one after the switch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from modelscout.recommender.betting import Array, Streams
from modelscout.recommender.evidence import Evidence, weigh_many
from modelscout.warehouse.engine import Row

FORMER_ERROR = 0.01
"""Chance that the former model's quality lies below its bound."""
STREAM_ERROR = 0.02
"""Of each of the two streams: 5 % in all that a change is taken back wrongly, over all nights."""


class Guard(NamedTuple):
    """What the guard saw. Bounds are of new minus former quality; None where nothing was judged."""

    fell: bool
    judged: int
    judged_upper_bound: float | None
    replayed: int
    replayed_upper_bound: float | None
    error: float = FORMER_ERROR + 2 * STREAM_ERROR


class _Watched(NamedTuple):
    recommendation_id: str
    margin: float
    differences: Array


def weigh_guards(
    changes: Sequence[Row], scores: Mapping[str, Row], replays: Mapping[str, Row]
) -> dict[str, Guard]:
    """The guard of each change, by recommendation.

    `changes`: rows of review_advice that were adopted; `scores` and `replays`: rows of those queries.
    """
    judged = _weigh([w for row in changes if (w := _judged(row, scores.get(row["recommendation_id"])))])
    replayed = _weigh([w for row in changes if (w := _replayed(row, replays.get(row["recommendation_id"])))])
    ids = [row["recommendation_id"] for row in changes]
    return {i: _guard(judged.get(i), replayed.get(i)) for i in ids}


def former_quality_bound(judged: int, score_sum: float) -> float | None:
    """The mean score that the former model has at least, at FORMER_ERROR; None where nothing was judged.

    Hoeffding's inequality: scores lie in 0 to 1, so that no variance has to be estimated.
    """
    if not judged:
        return None
    return score_sum / judged - math.sqrt(-math.log(FORMER_ERROR) / (2 * judged))


def _judged(row: Row, found: Row | None) -> _Watched | None:
    bound = former_quality_bound(int(row["former_judged"]), float(row["former_score_sum"]))
    if found is None or bound is None or not found["scores"]:
        return None
    differences = np.asarray(found["scores"], dtype=np.float64) - max(bound, 0.0)
    return _Watched(row["recommendation_id"], float(row["margin"]), differences)


def _replayed(row: Row, found: Row | None) -> _Watched | None:
    if found is None:
        return None
    differences = np.asarray(found["differences"], dtype=np.float64)
    return _Watched(row["recommendation_id"], float(row["margin"]), differences)


def _weigh(watched: Sequence[_Watched]) -> dict[str, Evidence]:
    found = weigh_many(
        Streams.of([w.differences for w in watched]),
        margins=[w.margin for w in watched],
        alphas=[STREAM_ERROR] * len(watched),
    )
    return {w.recommendation_id: e for w, e in zip(watched, found, strict=True)}


def _guard(judged: Evidence | None, replayed: Evidence | None) -> Guard:
    return Guard(
        fell=any(e is not None and e.proven_worse for e in (judged, replayed)),
        judged=judged.n if judged else 0,
        judged_upper_bound=judged.upper_bound if judged else None,
        replayed=replayed.n if replayed else 0,
        replayed_upper_bound=replayed.upper_bound if replayed else None,
    )
