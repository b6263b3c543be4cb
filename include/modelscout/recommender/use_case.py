"""Models for a use case under constraints: ranked, with what each figure rests on and what the excluded ones fail.

A model's score is the weighted mean of what it is worth by the criteria of the use case (modelscout.catalog.scoring),
0 to 100. What is measured replaces what is documented: accuracy is 100 x quality; cost and speed lose 42.5 points for
every factor of ten above the cheapest or fastest model, so that two factors of ten are worth what the catalog gives
its dearest class. Where a model was not measured, its documented class is worth what the measured models of that
class are worth on average, and only without any such model what the catalog says.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from modelscout.catalog.scoring import ability_of, criteria_of
from modelscout.core.types import UseCase
from modelscout.recommender.minimal_conflict import minimal_conflict
from modelscout.recommender.questions import (
    OWN_WORK,
    Ability,
    Failure,
    Kind,
    Limit,
    Measure,
    Option,
    Requirements,
    failures,
    judged_limit,
    relax_requirement,
)

POINTS_PER_DECADE = 42.5


class Basis(StrEnum):
    """What a criterion rests on."""

    OWN_WORK = "own_work"
    SUITES = "suites"
    PRICE = "price"
    VERIFIED = "verified"
    DOCUMENTED = "documented"
    CLASS_MEAN = "class_mean"
    """Documented, and valued as the measured models of the same class are."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model with what its documentation is worth by each criterion; None where the catalog does not know it."""

    option: Option
    documented: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class UseCaseQuestion:
    """Which model for this use case, under these requirements?"""

    use_case: UseCase
    candidates: tuple[Candidate, ...]
    asks: Requirements


class Criterion(NamedTuple):
    """One criterion of one model; `worth` 0 to 100, None where it is unknown."""

    name: str
    weight: int
    worth: float | None
    basis: Basis


@dataclass(frozen=True, slots=True)
class Ranked:
    """A model with its score; None where a criterion is unknown."""

    option: Option
    score: float | None
    criteria: tuple[Criterion, ...]
    fails: tuple[Failure, ...]

    @property
    def documented_only(self) -> tuple[str, ...]:
        """The criteria that nobody measured or verified."""
        unseen = (Basis.DOCUMENTED, Basis.CLASS_MEAN)
        return tuple(criterion.name for criterion in self.criteria if criterion.basis in unseen)


@dataclass(frozen=True, slots=True)
class Admission:
    """A model that changed requirements would admit."""

    model: str
    score: float
    changes: Mapping[Kind, Limit]
    """The limit that just admits it; None: the requirement has to go."""


@dataclass(frozen=True, slots=True)
class UseCaseAnswer:
    """The ranking, the best first."""

    use_case: UseCase
    ranked: tuple[Ranked, ...]
    excluded: tuple[Ranked, ...]
    """Each with everything that it fails; first those that changed requirements would admit."""
    binding: tuple[Admission, ...]
    """For each requirement that alone keeps out a model better than the first: the best such model."""
    conflict: tuple[Kind, ...]
    """Where nothing is left: a minimal set of requirements that no usable model meets together."""
    remedies: tuple[Admission, ...]
    """What would leave something."""


def rank_models(question: UseCaseQuestion) -> UseCaseAnswer:
    """Answer the question. What is not asked for decides nothing, and what is unknown meets no requirement."""
    columns = [
        _column(name, weight, question.candidates) for name, weight in criteria_of(question.use_case).items()
    ]
    scored = [
        _ranked(candidate, criteria, question.asks)
        for candidate, criteria in zip(question.candidates, zip(*columns, strict=True), strict=True)
    ]
    ranked = sorted((r for r in scored if not r.fails), key=_order)
    excluded = sorted((r for r in scored if r.fails), key=_nearness)
    near = [r for r in excluded if r.score is not None and all(f.kind for f in r.fails)]
    return UseCaseAnswer(
        use_case=question.use_case,
        ranked=tuple(ranked),
        excluded=tuple(excluded),
        binding=tuple(_binding(ranked[0], near, question.asks)) if ranked else (),
        conflict=() if ranked else tuple(_conflict(near)),
        remedies=() if ranked else tuple(_remedies(near, question.asks)),
    )


def admit(asks: Requirements, admission: Admission) -> Requirements:
    """The requirements changed so that the model meets them."""
    for kind, to in admission.changes.items():
        asks = relax_requirement(asks, kind, to)
    return asks


def _order(ranked: Ranked) -> tuple[float, Decimal, str]:
    return (-(ranked.score or 0.0), ranked.option.usd_per_request or Decimal(0), ranked.option.model)


def _nearness(ranked: Ranked) -> tuple[bool, int, float, str]:
    never = any(failure.kind is None for failure in ranked.fails)
    return (never, len(ranked.fails), -(ranked.score or 0.0), ranked.option.model)


def _column(name: str, weight: int, candidates: Sequence[Candidate]) -> list[Criterion]:
    """One criterion of all candidates together, excluded ones too, so that a requirement changes no score."""
    if name == "cost":
        return _costs(weight, candidates)
    if name == "accuracy":
        return _measured(name, weight, candidates, [c.option.quality for c in candidates], lambda q: 100 * q)
    if name == "speed":
        times = [c.option.latency_ms for c in candidates]
        least = min((time.value for time in times if time), default=1.0)
        return _measured(name, weight, candidates, times, lambda ms: _decades(ms, least))
    return [_ability(name, weight, candidate) for candidate in candidates]


def _costs(weight: int, candidates: Sequence[Candidate]) -> list[Criterion]:
    """An unknown cost has no worth: no class stands for it."""
    costs = [candidate.option.usd_per_request for candidate in candidates]
    cheapest = float(min((cost for cost in costs if cost), default=1))
    return [
        Criterion("cost", weight, None, Basis.UNKNOWN)
        if cost is None
        else Criterion("cost", weight, _decades(float(cost), cheapest), Basis.PRICE)
        for cost in costs
    ]


def _measured(
    name: str,
    weight: int,
    candidates: Sequence[Candidate],
    measures: Sequence[Measure | None],
    worth: Callable[[float], float],
) -> list[Criterion]:
    by_class: dict[int, list[float]] = defaultdict(list)
    for candidate, measure in zip(candidates, measures, strict=True):
        if candidate.documented is not None and measure is not None:
            by_class[candidate.documented[name]].append(worth(measure.value))
    found = []
    for candidate, measure in zip(candidates, measures, strict=True):
        if measure is not None:
            basis = Basis.OWN_WORK if measure.source in OWN_WORK else Basis.SUITES
            found.append(Criterion(name, weight, worth(measure.value), basis))
        else:
            found.append(_by_class(name, weight, candidate, by_class))
    return found


def _by_class(
    name: str, weight: int, candidate: Candidate, by_class: Mapping[int, Sequence[float]]
) -> Criterion:
    if candidate.documented is None:
        return Criterion(name, weight, None, Basis.UNKNOWN)
    documented = candidate.documented[name]
    if alike := by_class.get(documented):
        return Criterion(name, weight, sum(alike) / len(alike), Basis.CLASS_MEAN)
    return Criterion(name, weight, float(documented), Basis.DOCUMENTED)


def _ability(name: str, weight: int, candidate: Candidate) -> Criterion:
    capability = ability_of(name)
    if capability is None:
        worth = candidate.documented.get(name) if candidate.documented else None
        basis = Basis.UNKNOWN if worth is None else Basis.DOCUMENTED
        return Criterion(name, weight, None if worth is None else float(worth), basis)
    state = candidate.option.abilities.get(capability, Ability.UNKNOWN)
    if state is Ability.UNKNOWN:
        return Criterion(name, weight, None, Basis.UNKNOWN)
    tested = state in (Ability.VERIFIED, Ability.CONTRADICTED)
    has = state in (Ability.VERIFIED, Ability.DOCUMENTED)
    return Criterion(name, weight, 100.0 if has else 0.0, Basis.VERIFIED if tested else Basis.DOCUMENTED)


def _decades(value: float, least: float) -> float:
    """100 for the least value, fewer by `POINTS_PER_DECADE` for each factor of ten above it."""
    if value <= least:
        return 100.0
    return max(0.0, 100.0 - POINTS_PER_DECADE * math.log10(value / least))


def _ranked(candidate: Candidate, criteria: Sequence[Criterion], asks: Requirements) -> Ranked:
    option = candidate.option
    fails = [*failures(option, asks)]
    lacking = [criterion.name for criterion in criteria if criterion.worth is None]
    if lacking:
        reason = f" ({option.cost_reason})" if "cost" in lacking and option.cost_reason else ""
        fails.append(Failure(None, f"{', '.join(lacking)} unknown{reason}"))
        return Ranked(option, None, tuple(criteria), tuple(fails))
    total = sum(criterion.weight * (criterion.worth or 0.0) for criterion in criteria)
    score = round(total / sum(criterion.weight for criterion in criteria), 1)
    return Ranked(option, score, tuple(criteria), tuple(fails))


def _admission(ranked: Ranked, asks: Requirements) -> Admission:
    changes = {f.kind: judged_limit(f.kind, asks, ranked.option) for f in ranked.fails if f.kind}
    return Admission(ranked.option.model, ranked.score or 0.0, changes)


def _binding(best: Ranked, near: Sequence[Ranked], asks: Requirements) -> Iterator[Admission]:
    for kind in Kind:
        better = [r for r in near if {f.kind for f in r.fails} == {kind} and _order(r) < _order(best)]
        if better:
            yield _admission(min(better, key=_order), asks)


def _conflict(near: Sequence[Ranked]) -> list[Kind]:
    if not near:
        return []
    failed = [frozenset(f.kind for f in r.fails if f.kind) for r in near]
    kinds = [kind for kind in Kind if any(kind in fails for fails in failed)]
    return minimal_conflict(lambda held: any(not fails & held for fails in failed), kinds)


def _remedies(near: Sequence[Ranked], asks: Requirements) -> Iterator[Admission]:
    """Of the models that fail fewest requirements: for each set of them the best."""
    fewest = min((len(r.fails) for r in near), default=0)
    best: dict[frozenset[Kind | None], Ranked] = {}
    for ranked in sorted((r for r in near if len(r.fails) == fewest), key=_order):
        best.setdefault(frozenset(f.kind for f in ranked.fails), ranked)
    for ranked in best.values():
        yield _admission(ranked, asks)
