"""Proof that holds at every look: is the candidate not worse than the reference by more than the margin?

Paired outcomes of both models on the same items, in the order in which they came in. For the differences
x = candidate - reference, each in [-1, 1], the null hypothesis says that every item's conditional mean is at
most -margin. Against it bets a mixture of gamblers, each with a fixed stake s:

    capital(s) after n items = prod(1 + s * (x_i + margin)),  0 < s < 1 / (1 - margin)

Under the null each factor has conditional mean at most 1, so that the mixture's capital is a nonnegative
supermartingale starting at 1: the chance that it ever reaches 1/alpha is at most alpha (Ville's inequality;
Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", 2023). Looking every
night therefore costs nothing, and the bounds obtained by inverting the test hold at all looks together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
STAKES = 16
"""Gamblers in the mixture: from timid, good for small effects, to bold."""
BISECTIONS = 30


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
    method: str = "betting e-process, mixture of fixed stakes, inverted for the bounds"

    @property
    def proven(self) -> bool:
        """Whether "worse by the margin or more" is rejected."""
        return self.log_e_value >= -math.log(self.alpha)

    @property
    def proven_worse(self) -> bool:
        """Whether the candidate is proven to be worse by more than the margin."""
        return self.upper_bound < -self.margin


def error_share(ordinal: int, alpha: float = 0.05) -> float:
    """The share of `alpha` that the `ordinal`-th candidate of a year (from 1) may spend.

    alpha / (k (k + 1)) sums to alpha over all k, however many candidates come.
    """
    if ordinal < 1:
        raise ValueError(f"ordinal={ordinal}: candidates count from 1")
    return alpha / (ordinal * (ordinal + 1))


def weigh(candidate: Sequence[float], reference: Sequence[float], *, margin: float, alpha: float) -> Evidence:
    """Evidence from paired scores (0 to 1) in the order in which they came in."""
    if len(candidate) != len(reference):
        raise ValueError(
            f"{len(candidate)} candidate scores but {len(reference)} reference scores: pair them"
        )
    x = np.asarray(candidate, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    return Evidence(
        n=len(x),
        effect=float(x.mean()) if len(x) else None,
        lower_bound=_lower_bound(x, alpha),
        upper_bound=-_lower_bound(-x, alpha),
        log_e_value=max_log_capital(x, -margin),
        alpha=alpha,
        margin=margin,
    )


def max_log_capital(x: Array, mean_at_most: float) -> float:
    """Largest log capital so far of the mixture against "every conditional mean is at most `mean_at_most`"."""
    if not len(x):
        return 0.0
    # x >= -1, so that a stake below 1 / (1 + mean) never loses everything.
    boldest = 0.95 / (1.0 + mean_at_most) if mean_at_most > -1.0 else 0.95
    stakes = np.geomspace(boldest / 100.0, boldest, STAKES)
    paths = np.cumsum(np.log1p(np.outer(x - mean_at_most, stakes)), axis=0)
    peak = paths.max(axis=1)
    mixture = peak + np.log(np.exp(paths - peak[:, None]).mean(axis=1))
    return max(0.0, float(mixture.max()))


def _lower_bound(x: Array, alpha: float) -> float:
    """The largest mean that is rejected from below; -1 where nothing is."""
    threshold = -math.log(alpha)
    low, high = -1.0, float(x.mean()) if len(x) else -1.0
    if not len(x) or high <= low:
        return -1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        if max_log_capital(x, middle) >= threshold:
            low = middle
        else:
            high = middle
    return low


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
    growth = distance**2 / (2.0 * (scores_spread + distance**2))
    # The mixture pays about the logarithm of its size for not knowing the best stake.
    needed = (-math.log(evidence.alpha) + math.log(STAKES)) / growth
    return max(1, math.ceil(needed - evidence.n))
