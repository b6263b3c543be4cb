"""Partial pooling: one mixed-effects model per target, solved as a ridge regression with a penalty per level.

value = centre + effects of feature, model, family, ... + effects of the organization + own effect + noise

Each level's effects are normal around 0 with a variance of the level's own; a ridge regression on columns scaled by
those standard deviations is then the best linear unbiased prediction (Henderson 1975). The variances are found by EM,
whose expectations are taken from a few exact draws of the posterior, each one more ridge regression on simulated
values (Papandreou and Yuille 2010, perturb and MAP), so that no matrix is ever inverted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from modelscout.recommender.moments import Array
from modelscout.recommender.noise import Noise
from modelscout.recommender.ridge import ridge
from modelscout.recommender.training_data import KEYS, PLATFORM, Cells, Codes, Mask, combine

if TYPE_CHECKING:
    from scipy import sparse

MINIMUM_ORGANIZATIONS = 3
"""An effect that others see rests on so many organizations at least, or on the platform's own results alone."""
EM_ROUNDS = 12
EM_DRAWS = 3
DRAWS = 16


class Level(NamedTuple):
    """One kind of effect: a column per combination of the keys."""

    name: str
    keys: tuple[str, ...]
    shared: bool
    """Whether other organizations see the effect."""
    is_documented: bool = False
    """One slope on what the catalog documents instead of a column per combination."""


LEVELS = (
    Level("everything", (), shared=True),
    Level("documented", (), shared=True, is_documented=True),
    Level("feature", ("feature_id",), shared=True),
    Level("family", ("family",), shared=True),
    Level("model", ("model_id",), shared=True),
    Level("feature_family", ("feature_id", "family"), shared=True),
    Level("feature_model", ("feature_id", "model_id"), shared=True),
    Level("feature_workload", ("feature_id", "workload"), shared=True),
    Level("model_workload", ("model_id", "workload"), shared=True),
    Level("feature_source", ("feature_id", "source"), shared=True),
    Level("organization", ("organization_id",), shared=False),
    Level("organization_feature", ("organization_id", "feature_id"), shared=False),
    Level("organization_model", ("organization_id", "model_id"), shared=False),
    Level("organization_feature_source", ("organization_id", "feature_id", "source"), shared=False),
)
SIMPLE_LEVELS = tuple(level for level in LEVELS if level.name in ("everything", "feature", "feature_model"))
"""Those of the shrunken mean, which stands in where no version is published."""
OTHER_SOURCE = "organization_feature_source"


class Scale(NamedTuple):
    """What is expected of a target before anything is seen."""

    centre: float
    everything: float
    """Standard deviation of the general mean around the centre."""
    effect: float
    """Standard deviation of an effect."""


SCALES = {
    "quality": Scale(0.5, 0.5, 0.05),
    "latency": Scale(float(np.log(1000.0)), 3.0, 0.3),
    "cost": Scale(float(np.log(0.001)), 5.0, 0.3),
}
EXPECTED_COUNT = 2.0
"""Effects that the expected standard deviation counts for, so that few columns do not make it nothing."""


class Effects(NamedTuple):
    """The effects of one level: sorted codes of its key combinations, effects, and errors of the draws."""

    keys: Codes
    values: Array
    errors: npt.NDArray[np.float32]


class Expected(NamedTuple):
    """What is pooled, per row asked."""

    mean: Array
    variance: Array
    """Of the error of the effects that are known."""
    unknown: Array
    """Variance of those that nobody has told yet: of a new model, or of an organization that is not pooled."""


@dataclass(frozen=True)
class PooledModel:
    """What is pooled of one target."""

    target: str
    names: Mapping[str, Sequence[str]]
    """By key: what the codes stand for."""
    effects: Mapping[str, Effects]
    variances: Mapping[str, float]
    """By level, and `own`: that of an organization's own effect on one model in one feature."""
    noise: Noise
    widening: Mapping[str, float]
    """Factors of the standard error, from later days: with `own` answers and with `none`."""

    def expected(self, codes: Mapping[str, Codes], documented_accuracy: Array) -> Expected:
        """Without the organization's own effect, per row of codes of `names`."""
        rows = len(documented_accuracy)
        mean = np.full(rows, SCALES[self.target].centre)
        errors = np.zeros((rows, DRAWS))
        unknown = np.zeros(rows)
        for level in LEVELS:
            if level.name not in self.variances:
                continue
            weight = documented_accuracy - 0.5 if level.is_documented else np.ones(rows)
            found, place = self._find(level, codes, rows)
            effects = self.effects[level.name]
            if len(effects.keys):
                mean += np.where(found, effects.values[place] * weight, 0.0)
                errors += np.where(found[:, None], effects.errors[place] * weight[:, None], 0.0)
            unknown += np.where(found, 0.0, self.variances[level.name] * weight**2)
        return Expected(mean, (errors**2).mean(axis=1), unknown)

    def _find(self, level: Level, codes: Mapping[str, Codes], rows: int) -> tuple[Mask, Codes]:
        wanted = _level_codes(level, codes, self.names, rows)
        keys = self.effects[level.name].keys
        place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        return (keys[place] == wanted if len(keys) else np.zeros(rows, dtype=np.bool_)), place


def _level_codes(
    level: Level, codes: Mapping[str, Codes], names: Mapping[str, Sequence[str]], rows: int
) -> Codes:
    if not level.keys:
        return np.zeros(rows, dtype=np.int64)
    return combine([codes[key] for key in level.keys], [len(names[key]) for key in level.keys])


class _Column(NamedTuple):
    """The columns of one level in the design."""

    level: Level
    keys: Codes
    first: int


class _Design(NamedTuple):
    matrix: sparse.csr_matrix
    columns: Sequence[_Column]

    def scales(self, variances: Mapping[str, float]) -> Array:
        """Standard deviation of each column's effect."""
        parts = [np.full(len(c.keys), np.sqrt(variances[c.level.name])) for c in self.columns]
        return np.concatenate(parts) if parts else np.zeros(0)


def fit(
    target: str,
    cells: Cells,
    names: Mapping[str, Sequence[str]],
    *,
    seed: int,
    levels: Sequence[Level] = LEVELS,
    variances: Mapping[str, float] | None = None,
) -> PooledModel:
    """Fit one target. With `variances` these hold, else they are found by EM."""
    rng = np.random.default_rng(seed)
    noise = Noise.fit(target, cells.sums)
    cells = _poolable(cells, names)
    design = _design(cells, names, levels)
    found = (
        dict(variances) if variances is not None else _variances(target, cells, noise, design, rng, levels)
    )
    values, errors, _ = _solve(target, cells, noise, design, found, _Chance.of(design, DRAWS, rng))
    effects = {
        level.name: Effects(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, DRAWS), np.float32))
        for level in levels
    }
    for column in design.columns:
        part = slice(column.first, column.first + len(column.keys))
        effects[column.level.name] = Effects(column.keys, values[part], errors[part].astype(np.float32))
    return PooledModel(target, names, effects, found, noise, {"own": 1.0, "none": 1.0})


def widened(model: PooledModel, widening: Mapping[str, float]) -> PooledModel:
    """The same with other factors of the standard error."""
    return replace(model, widening=dict(widening))


def preset_variances(target: str, levels: Sequence[Level] = LEVELS) -> dict[str, float]:
    """Variances expected before anything is seen."""
    scale = SCALES[target]
    found = {level.name: scale.effect**2 for level in levels}
    return found | {"own": scale.effect**2, "everything": scale.everything**2}


def _variances(
    target: str,
    cells: Cells,
    noise: Noise,
    design: _Design,
    rng: np.random.Generator,
    levels: Sequence[Level],
) -> dict[str, float]:
    """EM: each variance is the mean square of its effects, the errors of the effects included."""
    found = preset_variances(target, levels)
    expected = EXPECTED_COUNT * SCALES[target].effect ** 2
    if not len(cells):
        return found
    own_noise = noise.of_mean(cells.sums)
    chance = _Chance.of(design, EM_DRAWS, rng)
    start = None
    for _ in range(EM_ROUNDS):
        values, errors, start = _solve(target, cells, noise, design, found, chance, start)
        squares = values**2 + (errors**2).mean(axis=1)
        for level, keys, first in design.columns:
            if level.name != "everything":
                total = float(squares[first : first + len(keys)].sum())
                found[level.name] = (total + expected) / (len(keys) + EXPECTED_COUNT)
        weight = found["own"] / (found["own"] + own_noise)
        residual = weight * (cells.sums.mean - SCALES[target].centre - design.matrix @ values)
        others = ((design.matrix @ errors) ** 2).mean(axis=1)
        own = residual**2 + weight * own_noise + weight**2 * others
        found["own"] = float((own.sum() + expected) / (len(own) + EXPECTED_COUNT))
    return found


class _Chance(NamedTuple):
    """Standard normal numbers of each draw, the same in every round of EM, so that each starts where the last ended."""

    effects: Array
    values: Array

    @classmethod
    def of(cls, design: _Design, draws: int, rng: np.random.Generator) -> _Chance:
        rows, columns = design.matrix.shape
        return cls(rng.normal(size=(columns, draws)), rng.normal(size=(rows, draws)))


def _solve(
    target: str,
    cells: Cells,
    noise: Noise,
    design: _Design,
    variances: Mapping[str, float],
    chance: _Chance,
    start: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Effects (columns), errors of effects drawn from their posterior (columns by draws), and where to start next."""
    scales = design.scales(variances)
    variance = variances["own"] + noise.of_mean(cells.sums)
    truth = chance.effects * scales[:, None]
    simulated = design.matrix @ truth + chance.values * np.sqrt(variance)[:, None]
    goals = np.column_stack([cells.sums.mean - SCALES[target].centre, simulated])
    scaled = ridge(design.matrix, goals, 1.0 / variance, scales, start)
    solved = scaled * scales[:, None]
    return solved[:, 0], truth - solved[:, 1:], scaled


def _design(cells: Cells, names: Mapping[str, Sequence[str]], levels: Sequence[Level]) -> _Design:
    """A sparse column per key combination; a shared one only where enough organizations or the platform enter it."""
    from scipy import sparse

    rows, places, data, columns = [], [], [], []
    first = 0
    for level in levels:
        keys, inverse = np.unique(_level_codes(level, cells.codes, names, len(cells)), return_inverse=True)
        entries = _may_enter(level, inverse, cells, names)
        kept, place = np.unique(inverse[entries], return_inverse=True)
        columns.append(_Column(level, keys[kept], first))
        rows.append(np.flatnonzero(entries))
        places.append(place + first)
        data.append(cells.documented_accuracy[entries] - 0.5 if level.is_documented else np.ones(len(place)))
        first += len(kept)
    matrix = sparse.csr_matrix(
        (np.concatenate(data), (np.concatenate(rows), np.concatenate(places))), shape=(len(cells), first)
    )
    return _Design(matrix, columns)


def _poolable(cells: Cells, names: Mapping[str, Sequence[str]]) -> Cells:
    """Without the organizations where those are too few for any figure of theirs to be pooled."""
    public = _is_public(cells, names)
    organizations = np.unique(cells.codes["organization_id"][~public])
    return cells if len(organizations) >= MINIMUM_ORGANIZATIONS else cells.where(public)


def _may_enter(level: Level, column: Codes, cells: Cells, names: Mapping[str, Sequence[str]]) -> Mask:
    if not level.shared:
        return np.ones(len(cells), dtype=np.bool_)
    organization, public = cells.codes["organization_id"], _is_public(cells, names)
    many = len(names["organization_id"]) + 1
    pairs = np.unique(column[~public] * many + organization[~public])
    organizations = np.bincount(pairs // many, minlength=int(column.max(initial=-1)) + 1)
    return np.asarray(public | (organizations[column] >= MINIMUM_ORGANIZATIONS))


def _is_public(cells: Cells, names: Mapping[str, Sequence[str]]) -> Mask:
    organizations = names["organization_id"]
    platform = list(organizations).index(PLATFORM) if PLATFORM in organizations else -1
    return np.asarray(cells.codes["organization_id"] == platform)


def recode(
    codes: Mapping[str, Codes], names: Mapping[str, Sequence[str]], into: Mapping[str, Sequence[str]]
) -> dict[str, Codes]:
    """Codes of `names` as codes of `into`; -1 where it has no such name."""
    found = {}
    for key in KEYS:
        known = {name: code for code, name in enumerate(into[key])}
        table = np.asarray([*(known.get(name, -1) for name in names[key]), -1], dtype=np.int64)
        found[key] = table[codes[key]]
    return found
