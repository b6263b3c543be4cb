"""Why no mix exists, and what would make one possible.

The conflict is a minimal set of constraints: without any one of them the rest can be met. Remedies come from elastic
programmes that pay for what they give up of one kind of constraint; each is offered only after the question with it
was solved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from modelscout.recommender.minimal_conflict import minimal_conflict
from modelscout.recommender.mix_binding import cents_up
from modelscout.recommender.mix_model import (
    TIE,
    Choice,
    Model,
    Rules,
    Scale,
    Slot,
    Solution,
    choice_of,
    rules_of,
    solve,
    sorted_needs,
)
from modelscout.recommender.mix_question import (
    Change,
    Constraint,
    MixQuestion,
    Need,
    Objective,
    constraints_of,
    relax,
)
from modelscout.recommender.questions import Kind, Option, failures, judged_limit

SHARE_STEPS = 1000
Active = frozenset[Constraint]


@dataclass(frozen=True, slots=True)
class Remedy:
    """Changes that make a mix possible, and the cheapest mix that they allow."""

    kind: Kind | None
    """The one kind of constraint that it relaxes; None: several."""
    changes: tuple[Change, ...]
    usd_per_month: Decimal


@dataclass(frozen=True, slots=True)
class Hopeless:
    """A feature that no change of the question helps."""

    feature: str
    reasons: tuple[str, ...]
    """For each model."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why there is no mix."""

    constraints: tuple[Constraint, ...]
    """A minimal set that cannot be met together; empty where a feature is hopeless."""
    remedies: tuple[Remedy, ...]
    hopeless: tuple[Hopeless, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A model with the kinds of constraint that it fails."""

    choice: Choice
    fails: frozenset[Kind]


def explain_conflict(question: MixQuestion) -> Conflict:
    """Why `question`, which has no answer, has none."""
    frame = _Frame(question)
    if hopeless := tuple(frame.hopeless()):
        return Conflict((), (), hopeless)
    members = minimal_conflict(frame.is_feasible, constraints_of(question))
    kinds = dict.fromkeys(member.kind for member in members)
    remedies = [r for kind in kinds if (r := _checked(question, kind, _changes(frame, kind))) is not None]
    if not remedies and (last := _checked(question, None, _of_several(frame))) is not None:
        remedies.append(last)
    return Conflict(tuple(members), tuple(remedies), ())


class _Frame:
    """A question taken apart once, so that many subsets of its constraints can be tried."""

    def __init__(self, question: MixQuestion) -> None:
        self.question = question
        self.needs = sorted_needs(question)
        self.every: Active = frozenset(constraints_of(question))
        scale = Scale.of(question)
        self.candidates = [list(_candidates(need, scale, question.objective)) for need in self.needs]

    def hopeless(self) -> Iterator[Hopeless]:
        """Features without a usable model of known cost and, where it counts, known quality."""
        for need, found in zip(self.needs, self.candidates, strict=True):
            if not found:
                yield Hopeless(
                    need.feature, tuple(_why_never(o, self.question.objective) for o in need.options)
                )

    def is_feasible(self, active: Active) -> bool:
        """Whether a mix keeps to these constraints."""
        rules = self.rules(active)
        slots = [self._slot(index, active) for index in range(len(self.needs))]
        if not all(slot.choices for slot in slots):
            return False
        if rules.see_providers:
            return Model(slots, rules).solve() is not None
        if any(slot.fallback and len({c.option.provider for c in slot.choices}) < 2 for slot in slots):
            return False
        cheapest = sum((min(c.usd for c in slot.choices) for slot in slots), Fraction(0))
        return rules.budget_usd is None or cheapest <= rules.budget_usd

    def rules(self, active: Active) -> Rules:
        """The limits over all features that are among `active`."""
        rules, kinds = rules_of(self.question), {c.kind for c in active if c.feature is None}
        return Rules(
            rules.budget_usd if Kind.BUDGET in kinds else None,
            rules.maximum_providers if Kind.MAXIMUM_PROVIDERS in kinds else None,
            rules.provider_share if Kind.PROVIDER_SHARE in kinds else None,
        )

    def _slot(self, index: int, active: Active) -> Slot:
        need = self.needs[index]
        choices = tuple(
            c.choice
            for c in self.candidates[index]
            if not any(Constraint(kind, need.feature) in active for kind in c.fails)
        )
        fallback = Constraint(Kind.FALLBACK, need.feature) in active
        return Slot(choices, Fraction(need.requests_per_month), fallback)

    def elastic(
        self, kinds: frozenset[Kind], price: Callable[[Need, _Candidate], float], active: Active
    ) -> Solution | None:
        """The mix that gives up least of `kinds`: what each model gives up is its `price`."""
        slots = []
        for need, candidates in zip(self.needs, self.candidates, strict=True):
            able = [
                c.choice._replace(penalty=price(need, c) + TIE * c.choice.penalty)
                for c in candidates
                if c.fails <= kinds
            ]
            slot = Slot(tuple(able), Fraction(need.requests_per_month), need.fallback)
            slots.append(_with_fallback(slot, Kind.FALLBACK in kinds))
        if not all(slot.choices for slot in slots):
            return None
        return Model(slots, self.rules(active)).solve()


def _with_fallback(slot: Slot, may_go_without: bool) -> Slot:
    """A model gives up at least what the fallback beside it gives up."""
    if not slot.fallback:
        return slot
    if may_go_without:
        return replace(slot, fallback_penalty=1.0)
    raised = []
    for choice in slot.choices:
        others = [c.penalty for c in slot.choices if c.option.provider != choice.option.provider]
        if others:
            raised.append(choice._replace(penalty=max(choice.penalty, min(others))))
    return replace(slot, choices=tuple(raised))


def _candidates(need: Need, scale: Scale, objective: Objective) -> Iterator[_Candidate]:
    for option in need.options:
        failed = [failure.kind for failure in failures(option, need.asks)]
        if choice_of(need, option, scale, objective) is None:
            continue
        choice = choice_of(need, option, scale, Objective.COST)
        if choice is not None and None not in failed:
            yield _Candidate(choice, frozenset(kind for kind in failed if kind is not None))


def _why_never(option: Option, objective: Objective) -> str:
    if option.unusable:
        return f"{option.model}: {option.unusable}"
    if option.usd_per_request is None:
        return f"{option.model}: cost is unknown ({option.cost_reason or 'no price'})"
    if objective is Objective.QUALITY and option.quality is None:
        return f"{option.model}: quality is unknown: measure it, or ask for the least cost"
    return f"{option.model}: cannot be used"


def _changes(frame: _Frame, kind: Kind) -> tuple[Change, ...]:
    """The least change of one kind of constraint, all others as they are; none where there is none."""
    if kind is Kind.BUDGET:
        cheapest = solve(relax(frame.question, [Change(Constraint(kind))]), Objective.COST)
        return () if cheapest is None else (Change(Constraint(kind), cents_up(cheapest.usd)),)
    if kind is Kind.MAXIMUM_PROVIDERS:
        known = {o.provider for need in frame.needs for o in need.options}
        return _first(frame, kind, range((frame.question.maximum_providers or 0) + 1, len(known) + 1))
    if kind is Kind.PROVIDER_SHARE:
        return _least_share(frame)
    found = frame.elastic(frozenset([kind]), lambda need, c: _given_up(need, c, kind), frame.every)
    return () if found is None else tuple(_of_features(frame, found, frozenset([kind])))


def _first(frame: _Frame, kind: Kind, limits: range) -> tuple[Change, ...]:
    for limit in limits:
        change = Change(Constraint(kind), limit)
        if solve(relax(frame.question, [change]), Objective.COST) is not None:
            return (change,)
    return ()


def _least_share(frame: _Frame) -> tuple[Change, ...]:
    """The least cap, up to a thousandth."""

    def change(steps: int) -> Change:
        return Change(Constraint(Kind.PROVIDER_SHARE), Decimal(steps) / SHARE_STEPS)

    low, high = 0, SHARE_STEPS
    if solve(relax(frame.question, [change(high)]), Objective.COST) is None:
        return ()
    while high - low > 1:
        middle = (low + high) // 2
        if solve(relax(frame.question, [change(middle)]), Objective.COST) is None:
            low = middle
        else:
            high = middle
    return (change(high),)


def _given_up(need: Need, candidate: _Candidate, kind: Kind) -> float:
    """What a model gives up of a requirement: its shortfall, for a latency or cost as a share of the limit."""
    if kind not in candidate.fails:
        return 0.0
    limit = judged_limit(kind, need.asks, candidate.choice.option)
    if limit is None:
        return 1.0
    if kind is Kind.MINIMUM_QUALITY:
        return (need.asks.minimum_quality or 0.0) - float(limit)
    asked = (
        need.asks.maximum_latency_ms if kind is Kind.MAXIMUM_LATENCY else need.asks.maximum_usd_per_request
    )
    return float(limit) / float(asked) - 1.0 if asked else 1.0


def _of_features(frame: _Frame, found: Solution, kinds: frozenset[Kind]) -> Iterator[Change]:
    """What the mix `found` gives up, feature by feature."""
    for need, candidates, pick, fallback in zip(
        frame.needs, frame.candidates, found.picks, found.fallbacks, strict=True
    ):
        options = [c.option.model for c in (pick, fallback) if c is not None]
        used = [c for c in candidates if c.choice.option.model in options]
        for kind in sorted(kinds - {Kind.FALLBACK}):
            failing = [c.choice.option for c in used if kind in c.fails]
            if failing:
                limits = [judged_limit(kind, need.asks, option) for option in failing]
                known = [limit for limit in limits if limit is not None]
                widest = min if kind is Kind.MINIMUM_QUALITY else max
                to = widest(known, key=float) if len(known) == len(limits) else None
                yield Change(Constraint(kind, need.feature), to)
        if need.fallback and fallback is None and Kind.FALLBACK in kinds:
            yield Change(Constraint(Kind.FALLBACK, need.feature))


def _of_several(frame: _Frame) -> tuple[Change, ...]:
    """The fewest requirements of features to drop, then the limits of the mix that still do not fit."""
    kinds = frozenset(Kind) - {Kind.BUDGET, Kind.MAXIMUM_PROVIDERS, Kind.PROVIDER_SHARE}
    of_mix = frozenset(c for c in frame.every if c.feature is None)
    for kept in (of_mix - {Constraint(Kind.BUDGET)}, frozenset[Constraint]()):
        found = frame.elastic(kinds, lambda _need, c: float(len(c.fails)), kept)
        if found is None:
            continue
        changes = [*_of_features(frame, found, kinds)]
        changes += [Change(c) for c in sorted(of_mix - kept) if c.kind is not Kind.BUDGET]
        question = relax(frame.question, [*changes, Change(Constraint(Kind.BUDGET))])
        cheapest = solve(question, Objective.COST)
        budget = rules_of(frame.question).budget_usd
        if cheapest is not None and budget is not None and cheapest.usd > budget:
            changes.append(Change(Constraint(Kind.BUDGET), cents_up(cheapest.usd)))
        return tuple(changes)
    return ()


def _checked(question: MixQuestion, kind: Kind | None, changes: tuple[Change, ...]) -> Remedy | None:
    """The remedy if it is one: some interplay of fallbacks and providers is left to this test."""
    if not changes:
        return None
    relaxed = relax(question, changes)
    if solve(relaxed) is None:
        return None
    cheapest = solve(relaxed, Objective.COST)
    return None if cheapest is None else Remedy(kind, changes, cents_up(cheapest.usd))
