"""Proof that holds at every look: is the candidate not worse than the reference by more than the margin?

Paired outcomes of both models on the same items, in the order in which they came in. For the differences
x = candidate - reference, each in [-1, 1], the null hypothesis says that every item's conditional mean, given what
came before, is at most -margin. A mixture of gamblers bets against it (betting.py). Under the null each factor of
its capital has conditional mean at most 1, so that the capital is a nonnegative supermartingale starting at 1: the
chance that it ever reaches 1/alpha is at most alpha (Ville's inequality; Waudby-Smith and Ramdas, "Estimating means
of bounded random variables by betting", 2023). Looking every night therefore costs nothing, and the bounds obtained
by inverting the test hold at all looks together. Nothing is assumed about independence: only an item that repeats
must be bet on once, with the mean of its trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelscout.recommender import betting
from modelscout.recommender.betting import Array, Streams

PREPARATION_COST = 1.3
"""Log capital that the mixture pays, about, for not knowing the best stake."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the paired outcomes prove at one look.

    Qualities are means of scores 0 to 1; `effect` is candidate minus reference.
    """

    n: int
    effect: float | None
    lower_bound: float
    """With error alpha, at all looks together, the candidate's mean is at least this much above the reference's."""
    upper_bound: float
    log_e_value: float
    """Logarithm of the largest capital against "worse by the margin or more" so far."""
    alpha: float
    margin: float
    dependence: float = 1.0
    """Variance of the mean in relation to that of independent items; the capital is tempered by it."""
    method: str = "paired: betting e-process, mixture of fixed stakes, inverted for the bounds"

    @property
    def is_randomised(self) -> bool:
        """Whether it is from different requests that chance dealt out, not from pairs."""
        return self.method.startswith("randomised")

    @property
    def proven(self) -> bool:
        """Whether "worse by the margin or more" is rejected."""
        return self.log_e_value >= -math.log(self.alpha)

    @property
    def proven_worse(self) -> bool:
        """Whether the candidate is proven to be worse by more than the margin."""
        return self.upper_bound < -self.margin

    @property
    def looks_worse(self) -> bool:
        """Whether the candidate measures worse by the margin or more."""
        return self.effect is not None and self.effect <= -self.margin

    @property
    def proven_better(self) -> bool:
        """Whether the candidate is proven to be better than the reference."""
        return self.lower_bound > 0.0


def weigh(candidate: Sequence[float], reference: Sequence[float], *, margin: float, alpha: float) -> Evidence:
    """Evidence from paired scores (0 to 1) in the order in which they came in, one pair per item."""
    if len(candidate) != len(reference):
        raise ValueError(
            f"{len(candidate)} candidate scores but {len(reference)} reference scores: pair them"
        )
    x = np.asarray(candidate, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    return weigh_many(Streams.of([x]), margins=[margin], alphas=[alpha])[0]


def weigh_many(
    streams: Streams,
    *,
    margins: Sequence[float],
    alphas: Sequence[float],
    earlier_log_e_values: Sequence[float] | None = None,
) -> list[Evidence]:
    """Evidence from many streams of differences at once, each with its margin and its share of the error.

    `earlier_log_e_values`: what was stored of each stream at earlier looks; what was proven then stays proven.
    """
    of_margin, of_alpha = np.asarray(margins, dtype=np.float64), np.asarray(alphas, dtype=np.float64)
    count = len(streams.lengths)
    earlier = np.zeros(count) if earlier_log_e_values is None else np.asarray(earlier_log_e_values)
    found: list[Evidence] = []
    for first, last in streams.chunks():
        chosen = slice(first, last)
        part = streams.part(first, last)
        found += _weigh_part(part, of_margin[chosen], of_alpha[chosen], earlier[chosen])
    return found


def _weigh_part(streams: Streams, margins: Array, alphas: Array, earlier: Array) -> list[Evidence]:
    count = len(streams.lengths)
    stream_of = np.repeat(np.arange(count), streams.lengths)
    counts = betting.histograms(streams.values, stream_of, count)
    sums = np.bincount(stream_of, streams.values, count).astype(np.float64)
    ratio = betting.dependence(streams)
    peaks = np.zeros(count)
    for margin in np.unique(margins).tolist():
        members = np.flatnonzero(margins == margin)
        alike = streams if len(members) == count else streams.select(members)
        peaks[members] = betting.path_peak(alike, margin)
    return summarise(counts, sums, np.maximum(peaks / ratio, earlier), margins, alphas, ratio)


def summarise(
    counts: Array, sums: Array, log_e_values: Array, margins: Array, alphas: Array, ratio: Array
) -> list[Evidence]:
    """Evidence of streams by their histograms, sums of differences and largest log capitals so far."""
    weights = np.asarray([betting.log_weights(m) for m in margins.tolist()])
    thresholds = -np.log(alphas) * ratio
    lower = betting.lower_bounds(counts, weights, thresholds)
    upper = -betting.lower_bounds(counts[:, ::-1], weights, thresholds)
    # A bound is a step of a grid; what is proven at the margin itself is not taken back by rounding.
    lower = np.where(log_e_values >= -np.log(alphas), np.maximum(lower, -margins), lower)
    n = np.rint(counts.sum(axis=1)).astype(np.int64)
    effects = sums / np.maximum(n, 1)
    return [
        Evidence(items, effect if items else None, below, above, log_e, alpha, margin, tempered)
        for items, effect, below, above, log_e, alpha, margin, tempered in zip(
            *(a.tolist() for a in (n, effects, lower, upper, log_e_values, alphas, margins, ratio)),
            strict=True,
        )
    ]


def cases_to_settle(evidence: Evidence, scores_spread: float) -> int | None:
    """About how many more paired cases would prove it if the effect is as it looks now; None if it never would.

    Expected growth of the best gambler's log capital per case is about d**2 / (2 * (v + d**2)) with the
    distance d of the effect from the margin and the variance v = `scores_spread` of the differences.
    """
    if evidence.effect is None:
        return None
    distance = evidence.effect + evidence.margin
    if distance <= 0.0:
        return None
    growth = distance**2 / (2.0 * (scores_spread + distance**2)) / evidence.dependence
    needed = (-math.log(evidence.alpha) + PREPARATION_COST) / growth
    return max(1, math.ceil(needed - evidence.n))
