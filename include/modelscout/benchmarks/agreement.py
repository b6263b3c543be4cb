"""Statistics of a judge against known truth. Pure arithmetic; intervals are at 95 %."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

Z = 1.959964
"""Two-sided 95 %."""


class Bounded(NamedTuple):
    """An estimate with its interval."""

    value: float
    low: float
    high: float


def share(hits: float, n: int) -> Bounded:
    """A share with Wilson's score interval (Wilson 1927). Raises ValueError for n = 0."""
    if n < 1:
        raise ValueError("n=0: a share of nothing is unknown")
    p = hits / n
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return Bounded(p, max(0.0, centre - half), min(1.0, centre + half))


def kappa(truth: Sequence[bool], given: Sequence[bool]) -> Bounded:
    """Cohen's kappa of two yes/no ratings, with the large-sample variance of Fleiss, Cohen and Everitt (1969).

    0 where one rating is always the same: it then agrees no better than chance.
    """
    n = len(truth)
    p = [
        [sum(t == i and g == j for t, g in zip(truth, given, strict=True)) / n for j in (False, True)]
        for i in (False, True)
    ]
    rows = [sum(row) for row in p]
    columns = [p[0][j] + p[1][j] for j in (0, 1)]
    observed, chance = p[0][0] + p[1][1], sum(r * c for r, c in zip(rows, columns, strict=True))
    if chance >= 1.0:
        return Bounded(0.0, 0.0, 0.0)
    value = (observed - chance) / (1 - chance)
    agreeing = sum(p[i][i] * ((1 - chance) - (columns[i] + rows[i]) * (1 - observed)) ** 2 for i in (0, 1))
    differing = (1 - observed) ** 2 * sum(
        p[i][j] * (columns[i] + rows[j]) ** 2 for i in (0, 1) for j in (0, 1) if i != j
    )
    centre = (observed * chance - 2 * chance + observed) ** 2
    variance = max(0.0, agreeing + differing - centre) / (n * (1 - chance) ** 4)
    half = Z * math.sqrt(variance)
    return Bounded(value, max(-1.0, value - half), min(1.0, value + half))


def paired_effect(differences: Sequence[float]) -> Bounded:
    """Mean of paired differences, each from -1 to 1, with the adjusted Wald interval of Bonett and Price (2012).

    One pair of +1 and one of -1 are added, so that no differences at all leave an interval of honest width.
    """
    n = len(differences)
    if n < 1:
        raise ValueError("n=0: the effect of nothing is unknown")
    mean = sum(differences) / (n + 2)
    square = (sum(d * d for d in differences) + 2) / (n + 2)
    half = Z * math.sqrt((square - mean * mean) / (n + 2))
    return Bounded(sum(differences) / n, max(-1.0, mean - half), min(1.0, mean + half))


def sign_test(differences: Sequence[float]) -> float:
    """Two-sided p-value of "as many go up as down": the exact sign test, McNemar's where scores are yes or no."""
    up, down = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    n, fewer = up + down, min(up, down)
    tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2.0**n
    return min(1.0, 2 * tail)
