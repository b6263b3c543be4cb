"""Which constraints hold a mix back, and what relaxing each would bring. Every figure is from an exact re-solve.

A constraint binds where the mix without it is better. A requirement of one feature is re-solved only if it keeps
out a model that fails nothing else, and only if the Lagrangian bound at the relaxation's multipliers does not prove
that this model changes nothing; what is left is taken in the order of that bound.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from modelscout.costs.calculator import to_usd
from modelscout.recommender.mix_model import (
    TIE,
    Choice,
    Model,
    Scale,
    Slot,
    Solution,
    choice_of,
    rules_of,
    slot_of,
    slots_of,
    sorted_needs,
)
from modelscout.recommender.mix_program import Marginals
from modelscout.recommender.mix_question import (
    Change,
    Constraint,
    MixQuestion,
    Need,
    Objective,
    constraints_of,
    limit_of,
    relax,
)
from modelscout.recommender.questions import Kind, Limit, failures, judged_limit

STEP = 0.001
"""The least gain of weighted quality that more money is asked for: a tenth of a point."""


class Move(NamedTuple):
    """One feature that another model would answer."""

    feature: str
    before: str
    after: str
    quality_change: float | None
    """None where a quality is unknown."""
    usd_change: Decimal
    """Of a month."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """What one constraint costs: the better mix that it keeps out."""

    constraint: Constraint
    limit: object
    """As it is set."""
    to: Limit
    """The limit that admits the better mix; None: the constraint has to go."""
    quality_change: float | None
    """Of the weighted mean, 0 to 1; None where a quality is unknown."""
    usd_change: Decimal
    """Of a month."""
    moves: tuple[Move, ...]
    method: str = "exact re-solve"


@dataclass(frozen=True, slots=True)
class Bindings:
    """The constraints that bind, and how it was found out."""

    relaxations: tuple[Relaxation, ...]
    quality_per_usd: float | None
    """What one more USD a month is worth in weighted quality, by the linear relaxation; None without a budget."""
    unchecked: tuple[Constraint, ...]
    """Requirements that may bind and were not re-solved: see `resolves`."""


def bindings(question: MixQuestion, base: Solution, *, resolves: int) -> Bindings:
    """What holds the mix `base` back; at most `resolves` requirements of single features are re-solved."""
    search = _Search(question, base)
    model = Model(search.slots, rules_of(question))
    marginals = model.program.marginals()
    found: list[Relaxation] = []
    for constraint in (c for c in constraints_of(question) if c.feature is None):
        found.extend(search.of_mix(constraint))
    promising = sorted(_promising(question, base, model, marginals))
    for _, constraint in promising[:resolves]:
        found.extend(search.of_feature(constraint))
    per_usd = None
    if model.budget_row is not None and marginals is not None and question.objective is Objective.QUALITY:
        per_usd = -float(marginals.at_most[model.budget_row]) * model.budget_unit
    return Bindings(tuple(found), per_usd, tuple(c for _, c in promising[resolves:]))


def _promising(
    question: MixQuestion, base: Solution, model: Model, marginals: Marginals | None
) -> Iterator[tuple[float, Constraint]]:
    """Requirements of single features that the bound does not clear, with the least penalty that it allows."""
    scale = Scale.of(question)
    limited = question.maximum_providers is not None
    for index, need in enumerate(sorted_needs(question)):
        kept_out: dict[Kind, list[Choice]] = defaultdict(list)
        for option in need.options:
            kinds = {failure.kind for failure in failures(option, need.asks)}
            kind = next(iter(kinds)) if len(kinds) == 1 else None
            if kind and (choice := choice_of(need, option, scale, question.objective)):
                kept_out[kind].append(choice)
        for kind, choices in kept_out.items():
            bound = -float("inf")
            # A model that is let in may also stand by as a fallback, which the bound does not know.
            if marginals is not None and not (need.fallback and limited):
                least = min(model.reduced_penalty(index, choice, marginals) for choice in choices)
                bound = marginals.penalty + least
            if bound < base.penalty - TIE:
                yield bound, Constraint(kind, need.feature)
        if need.fallback and limited:
            yield -float("inf"), Constraint(Kind.FALLBACK, need.feature)


class _Search:
    """Re-solves one question with one constraint relaxed at a time."""

    def __init__(self, question: MixQuestion, base: Solution) -> None:
        self._question, self._base = question, base
        self._needs = sorted_needs(question)
        self._scale = Scale.of(question)
        self.slots = slots_of(question)

    def of_mix(self, constraint: Constraint) -> Iterator[Relaxation]:
        """The next useful limit, and for a budget also what would come without any."""
        if constraint.kind is Kind.MAXIMUM_PROVIDERS:
            yield from self._more_providers(constraint)
            return
        free = self._with(Change(constraint))
        if free is None or not self._is_better(free):
            return
        if constraint.kind is Kind.PROVIDER_SHARE:
            yield self._relaxation(constraint, _largest_share(self._needs, free), free)
            return
        step = self._least_budget(free)
        yield self._relaxation(constraint, cents_up(step.usd), step)
        if step.usd < free.usd:
            yield self._relaxation(constraint, None, free)

    def of_feature(self, constraint: Constraint) -> Iterator[Relaxation]:
        """The limit that admits the model which the feature would get."""
        index = next(i for i, need in enumerate(self._needs) if need.feature == constraint.feature)
        relaxed = sorted_needs(relax(self._question, [Change(constraint)]))[index]
        slots = [*self.slots]
        slots[index] = slot_of(relaxed, self._scale, self._question.objective)
        free = Model(slots, rules_of(self._question)).solve()
        if free is None or not self._is_better(free):
            return
        yield self._relaxation(
            constraint, judged_limit(constraint.kind, self._needs[index].asks, free.picks[index].option), free
        )

    def _more_providers(self, constraint: Constraint) -> Iterator[Relaxation]:
        known = {o.provider for need in self._needs for o in need.options}
        for number in range((self._question.maximum_providers or 0) + 1, len(known) + 1):
            more = self._with(Change(constraint, number))
            if more is not None and self._is_better(more):
                yield self._relaxation(constraint, number, more)
                return

    def _with(self, change: Change) -> Solution | None:
        """The best mix under another limit of the mix: the features' models stay the same."""
        return Model(self.slots, rules_of(relax(self._question, [change]))).solve()

    def _least_budget(self, free: Solution) -> Solution:
        """The cheapest mix that is better by `STEP`, or by half of what there is to gain where that is less."""
        step = min(STEP, (free.gain - self._base.gain) / 2)
        rules = replace(rules_of(self._question), budget_usd=None, gain_at_least=self._base.gain + step)
        slots = [_by_cost(slot, self._scale) for slot in self.slots]
        return Model(slots, rules).solve() or free

    def _is_better(self, other: Solution) -> bool:
        if self._question.objective is Objective.QUALITY:
            return other.gain > self._base.gain + TIE
        return other.usd < self._base.usd - Fraction(TIE) * self._scale.usd

    def _relaxation(self, constraint: Constraint, to: Limit, other: Solution) -> Relaxation:
        moves = tuple(
            _move(need, before, after)
            for need, before, after in zip(self._needs, self._base.picks, other.picks, strict=True)
            if before.option.model != after.option.model
        )
        known = all(pick.option.quality for pick in (*self._base.picks, *other.picks))
        return Relaxation(
            constraint=constraint,
            limit=limit_of(self._question, constraint),
            to=to,
            quality_change=other.gain - self._base.gain if known else None,
            usd_change=to_usd(other.usd - self._base.usd),
            moves=moves,
        )


def _by_cost(slot: Slot, scale: Scale) -> Slot:
    """The same models, the cheapest first."""
    cheapest = tuple(c._replace(penalty=float(c.usd / scale.usd) - TIE * c.gain) for c in slot.choices)
    return replace(slot, choices=cheapest)


def _move(need: Need, before: Choice, after: Choice) -> Move:
    old, new = before.option.quality, after.option.quality
    return Move(
        feature=need.feature,
        before=before.option.model,
        after=after.option.model,
        quality_change=new.value - old.value if old and new else None,
        usd_change=to_usd(after.usd - before.usd),
    )


def cents_up(amount: Fraction) -> Decimal:
    """The next whole cent, so that a budget of it is enough."""
    return (Decimal(math.ceil(amount * 100)) / 100).quantize(Decimal("0.01"))


def _largest_share(needs: list[Need], solution: Solution) -> Decimal:
    requests: dict[str, Fraction] = defaultdict(Fraction)
    for need, pick in zip(needs, solution.picks, strict=True):
        requests[pick.option.provider] += Fraction(need.requests_per_month)
    share = max(requests.values()) / sum(requests.values())
    return cents_up(share)
