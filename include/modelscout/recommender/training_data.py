"""Reads what the estimates learn from: sums per cell of the warehouse, as columns, in bounded memory.

A cell is one (organization, feature, model, kind of work, source). The days are summed in SQL, so that what is held
here grows with the cells, not with the days or answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from modelscout.recommender.moments import Array
from modelscout.warehouse.sqlfiles import load_sql

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
TARGETS = ("quality", "latency", "cost")
"""Mean score 0 to 1; logarithm of the mean response time in ms; logarithm of USD per answered request."""
KEYS = ("organization_id", "feature_id", "model_id", "family", "workload", "source")
PLATFORM = "platform"
"""The organization of results of the platform's own suites, which are nobody's secret."""
WINDOW_DAYS = 90
HOLDOUT_DAYS = 7
_CHUNK = 5_000
_SUMS = ("days", "n", "ny", "nyy", "nn")


class Sums(NamedTuple):
    """Sums over the days of each cell; y is a target's value of a day and n the answers it is the mean of."""

    days: Array
    n: Array
    ny: Array
    nyy: Array
    nn: Array

    @property
    def mean(self) -> Array:
        """Mean of y over answers; 0 of none."""
        return np.divide(self.ny, self.n, out=np.zeros_like(self.ny), where=self.n > 0)


class Cells(NamedTuple):
    """Cells where one target is known: the code of each key, and the sums."""

    codes: Mapping[str, Codes]
    documented_accuracy: Array
    sums: Sums

    def __len__(self) -> int:
        return len(self.documented_accuracy)

    def where(self, chosen: Mask) -> Cells:
        """Some of them."""
        return Cells(
            {key: codes[chosen] for key, codes in self.codes.items()},
            self.documented_accuracy[chosen],
            Sums(*(s[chosen] for s in self.sums)),
        )


@dataclass(frozen=True)
class TrainingData:
    """One row per cell and period: 0 to train on, 1 to judge on, 2 to judge on and new to the version in use."""

    names: Mapping[str, tuple[str, ...]]
    """By key: what its codes stand for."""
    codes: Mapping[str, Codes]
    documented_accuracy: Array
    shares: Mask
    """Whether the organization lets its figures be pooled."""
    period: Codes
    sums: Mapping[str, Sums]
    first_day: date | None
    last_day: date | None

    def cells(self, target: str, chosen: Mask) -> Cells:
        """The chosen rows where the target is known, the periods of a cell added up."""
        known = chosen & (self.sums[target].n > 0)
        codes = {key: self.codes[key][known] for key in KEYS}
        combined = combine([codes[key] for key in KEYS], [len(self.names[key]) for key in KEYS])
        _, first, inverse = np.unique(combined, return_index=True, return_inverse=True)
        sums = (np.bincount(inverse, s[known], len(first)) for s in self.sums[target])
        return Cells(
            {key: c[first] for key, c in codes.items()},
            self.documented_accuracy[known][first],
            Sums(*(np.asarray(s, dtype=np.float64) for s in sums)),
        )

    @property
    def judged_days(self) -> int:
        """Rows (organization, feature, model, kind of work, source, day) with judged answers that may be pooled."""
        return int(self.sums["quality"].days[self.shares].sum())


def combine(codes: Sequence[Codes], sizes: Sequence[int]) -> Codes:
    """One code of several; negative where one of them is negative, that is unknown."""
    combined = np.zeros_like(codes[0]) if codes else np.zeros(0, dtype=np.int64)
    unknown = np.zeros(len(combined), dtype=np.bool_)
    for part, size in zip(codes, sizes, strict=True):
        combined = combined * (size + 1) + part
        unknown |= part < 0
    combined[unknown] = -1
    return combined


def read_training_data(
    connection: Connection, *, today: date, unseen_from: date | None = None, window_days: int = WINDOW_DAYS
) -> TrainingData:
    """Stream the cells of the last days. `unseen_from`: the first day that the version in use has not seen."""
    later_from = today - timedelta(days=HOLDOUT_DAYS - 1)
    parameters = {
        "today": today,
        "since": today - timedelta(days=window_days),
        "later_from": later_from,
        "unseen_from": max(later_from, unseen_from or later_from),
    }
    builder = _Columns()
    options = {"stream_results": True, "yield_per": _CHUNK}
    statement = text(load_sql("queries/recommender_training"))
    for rows in connection.execute(statement, parameters, execution_options=options).partitions():
        builder.add(rows)
    return builder.build()


class _Columns:
    """Turns chunks of rows into columns, so that no more than one chunk is ever held as rows."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, int]] = {key: {} for key in KEYS}
        self._codes: dict[str, list[Codes]] = {key: [] for key in KEYS}
        self._numbers: list[Array] = []
        self._days: list[date] = []

    def add(self, rows: Sequence[Sequence[object]]) -> None:
        columns = list(zip(*rows, strict=True))
        for key, values in zip(KEYS, columns, strict=False):
            known = self._known[key]
            found = [known.setdefault(str(value), len(known)) for value in values]
            self._codes[key].append(np.asarray(found, dtype=np.int64))
        accuracy, shares, period, first, last, *sums = columns[len(KEYS) :]
        numbers = np.asarray([accuracy, shares, period, *sums], dtype=np.float64)
        self._numbers.append(np.nan_to_num(numbers))
        self._days = [min([*self._days[:1], *first]), max([*self._days[1:], *last])]

    def build(self) -> TrainingData:
        width = 3 + len(TARGETS) * len(_SUMS)
        numbers = np.concatenate([np.zeros((width, 0)), *self._numbers], axis=1)
        empty = np.zeros(0, dtype=np.int64)
        return TrainingData(
            names={key: tuple(known) for key, known in self._known.items()},
            codes={key: np.concatenate([empty, *parts]) for key, parts in self._codes.items()},
            documented_accuracy=numbers[0],
            shares=numbers[1] > 0,
            period=numbers[2].astype(np.int64),
            sums={
                target: Sums(*numbers[3 + i * len(_SUMS) : 3 + (i + 1) * len(_SUMS)])
                for i, target in enumerate(TARGETS)
            },
            first_day=self._days[0] if self._days else None,
            last_day=self._days[1] if self._days else None,
        )
