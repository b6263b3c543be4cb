"""Proof from randomised traffic: requests that a declared chance gave to the candidate or to the model in use.

Request i went to one of both models with a logged chance p and was judged y in [0, 1]. With a centre h that is known
before, d = +(y - h) / p for the candidate and d = -(y - h) / p for the reference has, given what came before, the
conditional mean "candidate minus reference" (inverse propensity weighting: Horvitz and Thompson 1952), whatever the
chances were. No chance is below LEAST_PROPENSITY, so that x = LEAST_PROPENSITY * d lies in [-1, 1], and the gamblers
of betting.py bet against "the mean of x is at most -margin * LEAST_PROPENSITY" as they do on pairs. Two answers to
different requests differ more than two to the same one: at even chances about four times as many are needed.

Valid where chance alone decided, as logged, and where being judged does not depend on the model. The first is the
caller's word; of the second the shares judged are compared (`is_judged_evenly`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from modelscout.recommender import betting
from modelscout.recommender.betting import Array, Streams
from modelscout.recommender.case import NORMAL_90, Interval
from modelscout.recommender.evidence import Evidence
from modelscout.recommender.moments import PairSums

LEAST_PROPENSITY = 0.05
"""Experiments with a smaller chance for either model prove nothing: a bound on d has to be known before."""
MATURE_DAYS = 3
"""A request counts when so many days have passed, with what was judged within them."""
LIKELY_ANSWER_VARIANCE = 0.16
"""Variance of the scores that the stakes are prepared for: about that of four good answers in five."""
PRIOR_ANSWERS = 10.0
"""The centre starts at one half, and that counts for so many answers."""
UNEVEN_ERRORS = 4.0
"""Shares judged that differ by more standard errors than this are no chance."""
BOUND_HALVINGS = 30
METHOD = "randomised: inverse propensity weighting, betting e-process, inverted for the bounds"


class Traffic(NamedTuple):
    """Judged requests of an experiment to two models, in the order in which they were made."""

    scores: Array
    is_candidate: npt.NDArray[np.bool_]
    propensities: Array


def differences(traffic: Traffic) -> Array:
    """x of every request: unbiased for LEAST_PROPENSITY times the difference of the means, in [-1, 1]."""
    before = np.concatenate([[0.0], np.cumsum(traffic.scores)[:-1]])
    centre = (0.5 * PRIOR_ANSWERS + before) / (PRIOR_ANSWERS + np.arange(len(before)))
    sign = np.where(traffic.is_candidate, 1.0, -1.0)
    return np.asarray(LEAST_PROPENSITY * sign * (traffic.scores - centre) / traffic.propensities)


def weigh_traffic(
    traffic: Traffic, *, margin: float, alpha: float, earlier_log_e_value: float = 0.0
) -> Evidence:
    """What the traffic proves, at all looks together; bounds and effect in units of the score.

    Raises ValueError for a chance below LEAST_PROPENSITY.
    """
    if len(traffic.propensities) and traffic.propensities.min() < LEAST_PROPENSITY:
        raise ValueError(f"propensity={traffic.propensities.min()}: at least {LEAST_PROPENSITY} is needed")
    x = differences(traffic)
    streams = Streams.of([x])
    variance = _likely_variance(traffic)
    ratio = float(betting.dependence(streams)[0])
    peak = float(betting.path_peak(streams, margin * LEAST_PROPENSITY, variance)[0])
    log_e = max(peak / ratio, earlier_log_e_value)
    counts = betting.histograms(x, np.zeros(len(x), dtype=np.int64), 1)
    weights = betting.log_weights(margin * LEAST_PROPENSITY, variance)
    threshold = -math.log(alpha) * ratio
    lower = _lower_bound(counts, weights, threshold)
    upper = -_lower_bound(counts[:, ::-1], weights, threshold)
    if log_e >= -math.log(alpha):
        # What is proven at the margin itself is not taken back by a later look.
        lower = max(lower, -margin)
    effect = float(x.mean()) / LEAST_PROPENSITY if len(x) else None
    return Evidence(len(x), effect, lower, upper, log_e, alpha, margin, ratio, METHOD)


def effect_sums(traffic: Traffic) -> PairSums:
    """The sums of the differences, as those of pairs whose reference is always 0."""
    d = differences(traffic) / LEAST_PROPENSITY
    return PairSums(len(d), float(d.sum()), 0.0, float((d**2).sum()), 0.0, 0.0)


def is_judged_evenly(candidate: tuple[int, int], reference: tuple[int, int]) -> bool:
    """Whether chance explains the shares of requests judged: (judged, requests) of both models."""
    judged, requests = candidate[0] + reference[0], candidate[1] + reference[1]
    if not candidate[1] or not reference[1]:
        return False
    share = judged / requests
    error = math.sqrt(share * (1.0 - share) * (1.0 / candidate[1] + 1.0 / reference[1]))
    return abs(candidate[0] / candidate[1] - reference[0] / reference[1]) <= UNEVEN_ERRORS * error


def cost_ratio(candidate: tuple[int, float, float], reference: tuple[int, float, float]) -> Interval | None:
    """Ratio of mean costs of two independent groups with its 90 % interval (delta method).

    Each group: number, sum and sum of squares. None of fewer than two calls, or of free ones.
    """
    if min(candidate[0], reference[0]) < 2 or reference[1] <= 0.0 or candidate[1] <= 0.0:
        return None
    ratio = (candidate[1] / candidate[0]) / (reference[1] / reference[0])
    error = ratio * math.sqrt(_relative_variance(*candidate) + _relative_variance(*reference))
    return Interval(ratio, max(0.0, ratio - NORMAL_90 * error), ratio + NORMAL_90 * error)


def _relative_variance(n: int, total: float, squares: float) -> float:
    """Of the mean, in relation to the mean squared."""
    mean = total / n
    return max(0.0, squares / n - mean**2) / (n - 1) / mean**2


def _likely_variance(traffic: Traffic) -> float:
    """Of x, by the chances of the first request to either model: known before any answer."""
    groups = (traffic.is_candidate, ~traffic.is_candidate)
    chances = [float(traffic.propensities[g][0]) for g in groups if g.any()]
    return LIKELY_ANSWER_VARIANCE * LEAST_PROPENSITY**2 * sum(1.0 / p for p in chances or [0.5])


def _lower_bound(counts: Array, weights: Array, threshold: float) -> float:
    """The largest difference that is rejected, in units of the score; -1 where none is."""
    low, high = -1.0, 1.0
    for _ in range(BOUND_HALVINGS):
        middle = (low + high) / 2.0
        capital = float(betting.log_capital(counts, middle * LEAST_PROPENSITY, weights)[0])
        low, high = (middle, high) if capital >= threshold else (low, middle)
    return low
