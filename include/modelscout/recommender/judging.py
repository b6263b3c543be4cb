"""Whether a trained version is better on later days than the shrunken mean and than the version in use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

WORST_OF_ONE = 1.05
"""No target's error may be more than 5 % larger than a rival's, however much better the others are."""
NOTHING = 1e-6
"""Added to errors: a thousandth, of the score or of the time or cost, is as good as none."""


@dataclass(frozen=True, slots=True)
class TargetErrors:
    """Mean squared errors per answer of one target on the held-out days; None where there is nothing to judge on.

    `unseen_error` and `in_use` are of those held-out days that the version in use was not trained on.
    """

    error: float | None = None
    shrunken_mean: float | None = None
    unseen_error: float | None = None
    in_use: float | None = None


def verdict_on(errors: Mapping[str, TargetErrors], *, is_first: bool) -> tuple[bool, str]:
    """Whether to publish, and why: the geometric mean over the targets decides, and no target may be much worse."""
    against_mean = {t: (e.error, e.shrunken_mean) for t, e in errors.items()}
    overall, words = _compare(against_mean)
    if overall is None or overall >= 1.0:
        return False, f"not better than the shrunken mean ({words})"
    against_in_use, rival_words = _compare({t: (e.unseen_error, e.in_use) for t, e in errors.items()})
    if against_in_use is None and not is_first:
        return False, "no judged day since the version in use was trained"
    if against_in_use is not None and against_in_use > 1.0:
        return False, f"not better than the version in use ({rival_words})"
    return True, f"better than the shrunken mean ({words})"


def _compare(pairs: Mapping[str, tuple[float | None, float | None]]) -> tuple[float | None, str]:
    """Ratio of the errors, infinite where one target is much worse, None where nothing can be compared; in words."""
    known = {t: (own, rival) for t, (own, rival) in pairs.items() if own is not None and rival is not None}
    words = ", ".join(f"{t} {own:.6f} against {rival:.6f}" for t, (own, rival) in known.items())
    if not known:
        return None, "nothing to compare"
    ratios = [(own + NOTHING) / (rival + NOTHING) for own, rival in known.values()]
    if max(ratios) > WORST_OF_ONE:
        return math.inf, words
    return math.exp(sum(math.log(r) for r in ratios) / len(ratios)), words
