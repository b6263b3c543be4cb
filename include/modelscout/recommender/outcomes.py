"""Reads a file of outcomes: several models on the same items, task by task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modelscout.core.errors import ConfigurationError
from modelscout.recommender.moments import Array

if TYPE_CHECKING:
    import pandas as pd

REQUIRED = ("task", "query_id", "model")
OPTIONAL = ("success", "score", "cost_usd")


@dataclass(frozen=True, slots=True)
class TaskOutcomes:
    """What several models answered to the items of one task: items by models, NaN where unknown.

    Scores are 0 to 1, costs USD per call, both means over the trials of an item.
    """

    task: str
    models: tuple[str, ...]
    scores: Array
    costs: Array

    @property
    def priced(self) -> bool:
        """Whether any cost is known."""
        return not bool(np.isnan(self.costs).all())


def read_outcomes(path: Path, costs: Mapping[str, Decimal] | None = None) -> list[TaskOutcomes]:
    """The judged tasks of a CSV file, also a compressed one, in the order of their names.

    Columns: task, query_id, model, success (0 or 1) or score (0 to 1), cost_usd; others are ignored. `costs` are
    USD per call of models where the file has none. Raises ConfigurationError that names the column and the remedy.
    """
    frame = _read(path)
    frame["quality"] = frame["score"].fillna(frame["success"])
    wrong = frame[(frame["quality"] < 0) | (frame["quality"] > 1)]
    if len(wrong):
        raise ConfigurationError(
            f"{path}: score {wrong['quality'].iloc[0]} in line {wrong.index[0] + 2}: scores lie between 0 and 1"
        )
    unknown = sorted(set(costs or {}) - set(frame["model"].unique()))
    if unknown:
        raise ConfigurationError(
            f"--cost {unknown[0]}: {path} has no such model: it has {', '.join(sorted(frame['model'].unique()))}"
        )
    given = frame["model"].map({name: float(usd) for name, usd in (costs or {}).items()})
    frame["cost_usd"] = frame["cost_usd"].fillna(given.astype("float64"))
    tasks = [_task(str(name), rows) for name, rows in frame.groupby("task", sort=True)]
    judged = [t for t in tasks if len(t.models) > 1]
    if not judged:
        raise ConfigurationError(
            f"{path}: no task has outcomes of two models: fill the column success or score"
        )
    return judged


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        raise ConfigurationError(f"{path} does not exist: give a CSV file of outcomes")
    wanted = {*REQUIRED, *OPTIONAL}
    texts = dict.fromkeys(REQUIRED, "string")
    try:
        frame = pd.read_csv(path, usecols=lambda name: name in wanted, dtype=texts)
    except (ValueError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(f"{path} is not a CSV file of outcomes: {error}") from error
    missing = [name for name in REQUIRED if name not in frame]
    if missing or not {"success", "score"} & set(frame):
        lacking = missing or ["success or score"]
        raise ConfigurationError(
            f"{path} has no column {', '.join(lacking)}: its header needs task, query_id, model and success or score"
        )
    for name in OPTIONAL:
        column = frame.get(name, pd.Series(np.nan, index=frame.index))
        numbers = pd.to_numeric(column, errors="coerce").astype("float64")
        unreadable = column.notna() & numbers.isna()
        if unreadable.any():
            line = int(np.flatnonzero(unreadable.to_numpy())[0])
            raise ConfigurationError(
                f"{path}: {name}={column.iloc[line]!r} in line {line + 2} is not a number"
            )
        frame[name] = numbers
    empty = frame[list(REQUIRED)].isna().any(axis=1)
    if empty.any():
        line = int(np.flatnonzero(empty.to_numpy())[0])
        raise ConfigurationError(f"{path}: line {line + 2} has no task, query_id or model")
    return frame


def _task(name: str, rows: pd.DataFrame) -> TaskOutcomes:
    import pandas as pd

    judged = rows[rows["quality"].notna()]
    items, _ = pd.factorize(judged["query_id"], sort=True)
    model_codes, models = pd.factorize(judged["model"], sort=True)
    shape = (int(items.max(initial=-1)) + 1, len(models))
    cells = items * shape[1] + model_codes
    return TaskOutcomes(
        name,
        tuple(str(m) for m in models),
        _means(cells, judged["quality"].to_numpy(), shape),
        _means(cells, judged["cost_usd"].to_numpy(), shape),
    )


def _means(cells: np.ndarray, values: Array, shape: tuple[int, int]) -> Array:
    """Mean of the known values of each cell; NaN where none is known."""
    known = ~np.isnan(values)
    counts = np.bincount(cells[known], minlength=shape[0] * shape[1]).astype(np.float64)
    sums = np.bincount(cells[known], values[known], minlength=shape[0] * shape[1])
    means = np.full(len(counts), np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means.reshape(shape)
