"""Finds a minimal set of constraints that cannot be met together: without any one of them the rest can.

QuickXplain: Junker, "QuickXplain: Preferred Explanations and Relaxations for Over-Constrained Problems", AAAI 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def minimal_conflict(is_feasible: Callable[[frozenset[T]], bool], constraints: Sequence[T]) -> list[T]:
    """A minimal conflict among `constraints`, which cannot all be met; the earlier ones are preferred.

    `is_feasible` says whether some of them can be met together; none at all can always. Asks it about
    2 k log2(n / k) + 2 k times for k of n constraints.
    """

    def explain(held: frozenset[T], added: bool, rest: Sequence[T]) -> list[T]:
        if added and not is_feasible(held):
            return []
        if len(rest) == 1:
            return list(rest)
        first, second = rest[: len(rest) // 2], rest[len(rest) // 2 :]
        of_second = explain(held | frozenset(first), True, second)
        of_first = explain(held | frozenset(of_second), bool(of_second), first)
        return of_first + of_second

    return explain(frozenset(), False, constraints)
