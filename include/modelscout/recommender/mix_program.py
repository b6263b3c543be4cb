"""A 0-1 programme in the form that HiGHS takes (through scipy), and its linear relaxation.

Penalties of about 1 are scaled so that HiGHS' absolute gap of 1e-6 is 1e-11 of them; the relative gap is 0, so
that an answer is optimal and not nearly so. HiGHS has a fixed seed: the same programme has one answer.

Most columns are never searched. The relaxation's penalty plus a column's reduced penalty is a lower bound for every
answer with that column (reduced-cost fixing: Nemhauser and Wolsey, "Integer and Combinatorial Optimization", 1988,
II.5.2). So the columns of the least reduced penalties are searched first; what they give shows which others could be
in a better answer, and those are searched too.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from modelscout.core.errors import ModelscoutError

PENALTY_SCALE = 1e5
FIRST_SHARE = 4
"""So many columns for each choice are searched first."""
SLACK = 1e-3
"""Of a scaled penalty: far more than what the relaxation's multipliers are rounded by."""
Entries = Iterable[tuple[int, float]]
_OPTIMAL, _INFEASIBLE = 0, 2


class Marginals(NamedTuple):
    """Of the linear relaxation: its least penalty, and what that changes by for one more unit of a row's limit."""

    penalty: float
    equal: npt.NDArray[np.float64]
    at_most: npt.NDArray[np.float64]
    reduced: npt.NDArray[np.float64]
    """Of each column: no answer with it is below `penalty` plus this."""


@dataclass(slots=True)
class _Rows:
    """Sparse rows as they are added."""

    at: list[tuple[int, int]]
    values: list[float]
    limits: list[float]

    def add(self, entries: Entries, limit: float) -> int:
        number = len(self.limits)
        for column, value in entries:
            self.at.append((number, column))
            self.values.append(value)
        self.limits.append(limit)
        return number

    def matrix(self, columns: int) -> Any:
        from scipy.sparse import csr_array

        places = np.asarray(self.at, dtype=np.int64).reshape(-1, 2)
        return csr_array((self.values, (places[:, 0], places[:, 1])), shape=(len(self.limits), columns))


class Program:
    """Minimises the penalties of its columns, each 0 or 1, within its rows."""

    def __init__(self) -> None:
        self._penalties: list[float] = []
        self._equal = _Rows([], [], [])
        self._at_most = _Rows([], [], [])

    def column(self, penalty: float = 0.0) -> int:
        """Add a column; returns its number."""
        self._penalties.append(penalty * PENALTY_SCALE)
        return len(self._penalties) - 1

    def equal(self, entries: Entries, value: float) -> int:
        """Add a row whose sum is `value`; returns its number among such rows."""
        return self._equal.add(entries, value)

    def at_most(self, entries: Entries, limit: float) -> int:
        """Add a row whose sum is at most `limit`; returns its number among such rows."""
        return self._at_most.add(entries, limit)

    def solve(self) -> npt.NDArray[np.bool_] | None:
        """The columns that are 1; None where no choice keeps to all rows."""
        marginals = self.marginals()
        if marginals is None:
            return self._search(np.ones(len(self._penalties), dtype=np.bool_))
        reduced = marginals.reduced * PENALTY_SCALE
        first = min(FIRST_SHARE * len(self._equal.limits), len(reduced) - 1)
        reach = float(np.partition(reduced, first)[first])
        while True:
            found = self._search(reduced <= reach)
            if found is None and reach >= reduced.max():
                return None
            needed = float("inf") if found is None else self._above(marginals, found) + SLACK
            if needed <= reach:
                return found
            # Without an answer yet nobody knows how far to look: at ten times as much, and at least at one more.
            further = max(10.0 * reach, float(reduced[reduced > reach].min(initial=np.inf)))
            reach = min(needed, further) if found is None else needed

    def _above(self, marginals: Marginals, found: npt.NDArray[np.bool_]) -> float:
        """By how much an answer misses the relaxation's penalty, scaled."""
        return float(np.asarray(self._penalties)[found].sum() - marginals.penalty * PENALTY_SCALE)

    def _search(self, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | None:
        """The best answer of the wanted columns."""
        from scipy.optimize import LinearConstraint, milp

        count = len(self._penalties)
        places = np.flatnonzero(wanted)
        rows = [
            LinearConstraint(self._equal.matrix(count)[:, places], self._equal.limits, self._equal.limits)
        ]
        if self._at_most.limits:
            rows.append(
                LinearConstraint(self._at_most.matrix(count)[:, places], -np.inf, self._at_most.limits)
            )
        with _quiet():
            found = milp(
                np.asarray(self._penalties)[places],
                integrality=np.ones(len(places)),
                bounds=(0, 1),
                constraints=rows,
                options={"mip_rel_gap": 0.0},
            )
        if found.status == _INFEASIBLE:
            return None
        if found.status != _OPTIMAL:
            raise ModelscoutError(f"the mix was not solved: {found.message}")
        chosen = np.zeros(count, dtype=np.bool_)
        chosen[places] = found.x > 0.5
        return chosen

    def marginals(self) -> Marginals | None:
        """Those of the linear relaxation, in units of the penalties; None where it has no solution."""
        from scipy.optimize import linprog

        count = len(self._penalties)
        limited = bool(self._at_most.limits)
        found = linprog(
            self._penalties,
            A_ub=self._at_most.matrix(count) if limited else None,
            b_ub=self._at_most.limits if limited else None,
            A_eq=self._equal.matrix(count),
            b_eq=self._equal.limits,
            bounds=(0, None),  # The rows keep choices to 1; bounds would share their multipliers out at will.
            method="highs",
        )
        if found.status != _OPTIMAL:
            return None
        return Marginals(
            float(found.fun) / PENALTY_SCALE,
            np.asarray(found.eqlin.marginals) / PENALTY_SCALE,
            np.asarray(found.ineqlin.marginals) / PENALTY_SCALE,
            np.asarray(found.lower.marginals) / PENALTY_SCALE,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """HiGHS 1.12 prints a line for its developers however quiet it is told to be: not into anybody's JSON."""
    libc = ctypes.CDLL(None)
    libc.fflush(None)
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        libc.fflush(None)
        os.dup2(kept, 1)
        os.close(kept)
