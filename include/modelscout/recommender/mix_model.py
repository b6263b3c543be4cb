"""A question about a mix as a 0-1 programme: which columns and rows it has, and what its answer means.

For each feature one column for each model that will do, exactly one of which is chosen. The budget is a knapsack
row; `maximum_providers` adds a column for each provider that opens its models; a fallback asks for two open
providers with a model that will do. What is dominated within a feature (dearer and no better) is left out before;
where providers matter only what its own provider dominates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from modelscout.core.errors import ModelscoutError
from modelscout.recommender.mix_program import Marginals, Program
from modelscout.recommender.mix_question import MixQuestion, Need, Objective, month_usd
from modelscout.recommender.questions import Option, failures

TIE = 1e-6
"""What decides between mixes that are equal in the objective: cost for quality, quality for cost, at this weight.

So a mix is best in its objective to within one part in a million of its whole range.
"""
MAX_REFUSED = 100


class Choice(NamedTuple):
    """One model for one feature with what it costs and brings."""

    option: Option
    usd: Fraction
    """Of a month."""
    gain: float
    """Quality, weighted so that a perfect mix has 1; 0 where it is unknown, which only a cost question admits."""
    penalty: float
    """What is minimised."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One feature of the programme."""

    choices: tuple[Choice, ...]
    requests: Fraction
    fallback: bool
    fallback_penalty: float | None = None
    """Price of going without; None: not allowed."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits over all features; None limits nothing."""

    budget_usd: Fraction | None = None
    maximum_providers: int | None = None
    provider_share: Fraction | None = None
    gain_at_least: float | None = None

    @property
    def see_providers(self) -> bool:
        """Whether it matters which provider a model is of."""
        return self.maximum_providers is not None or self.provider_share is not None


@dataclass(frozen=True, slots=True)
class Solution:
    """The best choice for each slot, and the fallbacks."""

    picks: tuple[Choice, ...]
    fallbacks: tuple[Choice | None, ...]

    @property
    def usd(self) -> Fraction:
        """Of a month."""
        return sum((pick.usd for pick in self.picks), Fraction(0))

    @property
    def gain(self) -> float:
        """Weighted mean quality, where all are known."""
        return float(sum(pick.gain for pick in self.picks))

    @property
    def penalty(self) -> float:
        """What was minimised, fallbacks aside."""
        return float(sum(pick.penalty for pick in self.picks))


@dataclass(frozen=True, slots=True)
class Scale:
    """Makes gains and costs of one question comparable; the same whatever its constraints are."""

    weight: Fraction
    """Sum of requests times importance."""
    usd: Fraction
    """The dearest mix."""

    @classmethod
    def of(cls, question: MixQuestion) -> Scale:
        """From all options, whether they will do or not."""
        weight = sum((_weight(need) for need in question.needs), Fraction(0))
        dearest = sum((_dearest(need) for need in question.needs), Fraction(0))
        return cls(weight, dearest or Fraction(1))


def _weight(need: Need) -> Fraction:
    return Fraction(need.requests_per_month) * Fraction(need.importance)


def _dearest(need: Need) -> Fraction:
    known = [o.usd_per_request for o in need.options if o.usd_per_request is not None]
    return Fraction(max(known, default=Decimal(0))) * Fraction(need.requests_per_month)


def choice_of(need: Need, option: Option, scale: Scale, objective: Objective) -> Choice | None:
    """A model as a choice; None where a figure that the objective needs is unknown."""
    usd = month_usd(need, option)
    if usd is None or (objective is Objective.QUALITY and option.quality is None):
        return None
    gain = float(_weight(need) / scale.weight) * option.quality.value if option.quality else 0.0
    share = float(usd / scale.usd)
    penalty = TIE * share - gain if objective is Objective.QUALITY else share - TIE * gain
    return Choice(option, usd, gain, penalty)


def slots_of(question: MixQuestion, objective: Objective | None = None) -> list[Slot]:
    """Each feature with the models that will do; the features by name, so that their order decides nothing."""
    scale = Scale.of(question)
    goal = objective or question.objective
    return [slot_of(need, scale, goal) for need in sorted_needs(question)]


def slot_of(need: Need, scale: Scale, objective: Objective) -> Slot:
    """One feature with the models that will do."""
    able = (option for option in need.options if not failures(option, need.asks))
    found = (choice_of(need, option, scale, objective) for option in able)
    return Slot(tuple(c for c in found if c is not None), Fraction(need.requests_per_month), need.fallback)


def sorted_needs(question: MixQuestion) -> list[Need]:
    """The features in the order of the slots."""
    return sorted(question.needs, key=lambda need: need.feature)


def rules_of(question: MixQuestion) -> Rules:
    """The limits over all features."""

    def exact(value: Decimal | None) -> Fraction | None:
        return None if value is None else Fraction(value)

    return Rules(
        exact(question.budget_usd_per_month), question.maximum_providers, exact(question.provider_share)
    )


def prune(choices: Iterable[Choice], rules: Rules) -> list[Choice]:
    """Without the models that another one beats or equals in all that counts; of equals the first by name."""
    groups: dict[str, list[Choice]] = defaultdict(list)
    for choice in choices:
        groups[choice.option.provider if rules.see_providers else ""].append(choice)
    kept = []
    for _, group in sorted(groups.items()):
        worth: Callable[[Choice], float] = (
            (lambda c: c.penalty) if rules.gain_at_least is None else (lambda c: -c.gain)
        )
        best: float | None = None
        if rules.budget_usd is None and rules.gain_at_least is None:
            kept.append(min(group, key=lambda c: (c.penalty, c.option.model)))
            continue
        for choice in sorted(group, key=lambda c: (c.usd, worth(c), c.option.model)):
            if best is None or worth(choice) < best:
                kept.append(choice)
                best = worth(choice)
    return kept


@dataclass(slots=True)
class Model:
    """The programme of some slots under some rules."""

    slots: Sequence[Slot]
    rules: Rules
    program: Program = field(default_factory=Program)
    columns: list[list[tuple[int, Choice]]] = field(default_factory=list)
    opened: dict[str, int] = field(default_factory=dict)
    """Column of each provider, where their number is limited."""
    budget_row: int | None = None
    open_rows: list[dict[str, int]] = field(default_factory=list)
    """For each slot the row that keeps a provider's models to its column in `opened`."""
    share_rows: dict[str, int] = field(default_factory=dict)
    requests: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        """Write the columns and rows."""
        self.requests = sum((slot.requests for slot in self.slots), Fraction(0))
        if self.rules.maximum_providers is not None:
            names = sorted({c.option.provider for slot in self.slots for c in slot.choices})
            self.opened = {name: self.program.column() for name in names}
            self.program.at_most(
                ((c, 1.0) for c in self.opened.values()), float(self.rules.maximum_providers)
            )
        for slot in self.slots:
            self._add_slot(slot)
        self._add_limits()

    def _add_slot(self, slot: Slot) -> None:
        kept = prune(slot.choices, self.rules)
        columns = [(self.program.column(choice.penalty), choice) for choice in kept]
        self.columns.append(columns)
        self.program.equal(((number, 1.0) for number, _ in columns), 1.0)
        providers: dict[str, list[int]] = defaultdict(list)
        for number, choice in columns:
            providers[choice.option.provider].append(number)
        self.open_rows.append(
            {
                name: self.program.at_most([*((n, 1.0) for n in numbers), (self.opened[name], -1.0)], 0.0)
                for name, numbers in providers.items()
                if self.opened
            }
        )
        if slot.fallback:
            self._add_fallback(slot)

    def _add_fallback(self, slot: Slot) -> None:
        """At least two providers with a model that will do, both of them open."""
        names = sorted({choice.option.provider for choice in slot.choices})
        spared = [] if slot.fallback_penalty is None else [(self.program.column(slot.fallback_penalty), -1.0)]
        if self.opened:
            self.program.at_most([*((self.opened[name], -1.0) for name in names), *spared], -2.0)
        elif len(names) < 2:
            self.program.at_most(spared, -1.0)

    def _add_limits(self) -> None:
        every = [pair for columns in self.columns for pair in columns]
        rules = self.rules
        if rules.budget_usd is not None:
            limit = 1.0 if rules.budget_usd else 0.0
            entries = ((number, float(choice.usd) * self.budget_unit) for number, choice in every)
            self.budget_row = self.program.at_most(entries, limit)
        if rules.gain_at_least is not None:
            self.program.at_most(((n, -c.gain) for n, c in every), -rules.gain_at_least)
        if rules.provider_share is not None:
            self._add_shares(rules.provider_share)

    def _add_shares(self, share: Fraction) -> None:
        shares: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for slot, columns in zip(self.slots, self.columns, strict=True):
            for number, choice in columns:
                shares[choice.option.provider].append((number, self._part(slot)))
        for name, entries in shares.items():
            self.share_rows[name] = self.program.at_most(entries, float(share))

    def _part(self, slot: Slot) -> float:
        """Of all requests."""
        return float(slot.requests / self.requests) if self.requests else 0.0

    def reduced_penalty(self, index: int, choice: Choice, marginals: Marginals) -> float:
        """Of a model that slot `index` does not have: no mix with it is below this plus the relaxation's penalty.

        The Lagrangian bound at the relaxation's multipliers.
        """
        reduced = choice.penalty - marginals.equal[index]
        name = choice.option.provider
        if self.budget_row is not None:
            reduced -= marginals.at_most[self.budget_row] * float(choice.usd) * self.budget_unit
        if (row := self.open_rows[index].get(name)) is not None:
            reduced -= marginals.at_most[row]
        if (row := self.share_rows.get(name)) is not None:
            reduced -= marginals.at_most[row] * self._part(self.slots[index])
        return float(reduced)

    @property
    def budget_unit(self) -> float:
        """Of the budget's row, for one USD."""
        return 1.0 / float(self.rules.budget_usd or 1)

    def solve(self) -> Solution | None:
        """The best mix; None where there is none."""
        if not all(self.columns):
            return None
        for _ in range(MAX_REFUSED):
            found = self.program.solve()
            if found is None:
                return None
            chosen = [next(pair for pair in columns if found[pair[0]]) for columns in self.columns]
            picks = tuple(choice for _, choice in chosen)
            if not self._breaks(picks):
                return Solution(picks, self._fallbacks(picks, found))
            # HiGHS lets a row be missed by a hair. Such a mix is forbidden by name and the rest searched again.
            self.program.at_most(((number, 1.0) for number, _ in chosen), len(chosen) - 1.0)
        raise ModelscoutError(
            "the mix was not solved: too many mixes miss a limit by a hair; round the limits"
        )

    def _breaks(self, picks: Sequence[Choice]) -> bool:
        """Whether a limit is missed in exact numbers."""
        budget, share = self.rules.budget_usd, self.rules.provider_share
        if budget is not None and sum((pick.usd for pick in picks), Fraction(0)) > budget:
            return True
        if share is None:
            return False
        requests: dict[str, Fraction] = defaultdict(Fraction)
        for slot, pick in zip(self.slots, picks, strict=True):
            requests[pick.option.provider] += slot.requests
        return max(requests.values()) > share * sum(requests.values(), Fraction(0))

    def _fallbacks(
        self, picks: Sequence[Choice], found: np.ndarray[tuple[int], np.dtype[np.bool_]]
    ) -> tuple[Choice | None, ...]:
        allowed = {name for name, column in self.opened.items() if found[column]} if self.opened else None
        return tuple(
            _best_of_others(slot, pick, allowed) if slot.fallback else None
            for slot, pick in zip(self.slots, picks, strict=True)
        )


def _best_of_others(slot: Slot, pick: Choice, allowed: set[str] | None) -> Choice | None:
    others = [
        c
        for c in slot.choices
        if c.option.provider != pick.option.provider and (allowed is None or c.option.provider in allowed)
    ]
    return min(others, key=lambda c: (c.penalty, c.option.model), default=None)


def solve(question: MixQuestion, objective: Objective | None = None) -> Solution | None:
    """The best mix, its slots in the order of the features' names; None where there is none."""
    return Model(slots_of(question, objective), rules_of(question)).solve()
