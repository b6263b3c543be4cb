"""The best models for a monthly budget and an expected usage: the best mix, one model for everything, other budgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from modelscout.costs.calculator import to_usd
from modelscout.recommender.mix import MixAnswer, best_mix
from modelscout.recommender.mix_model import Choice, slots_of, solve
from modelscout.recommender.mix_question import MixQuestion, Need, Objective

SHARES = (Decimal("0.5"), Decimal("0.75"), Decimal("1.25"), Decimal("1.5"), Decimal(2))
"""Other budgets that are tried, as parts of the given one."""


class SingleModel(NamedTuple):
    """One model for all features that meets every requirement."""

    model: str
    usd_per_month: Decimal
    quality: float
    """Weighted mean, 0 to 1."""
    within_budget: bool


class BudgetStep(NamedTuple):
    """The best mix of another budget; None where nothing fits."""

    budget_usd_per_month: Decimal
    usd_per_month: Decimal | None
    quality: float | None


@dataclass(frozen=True, slots=True)
class BudgetAnswer:
    """What a budget buys."""

    mix: MixAnswer
    single_models: tuple[SingleModel, ...]
    """Those within the budget first, the best first."""
    steps: tuple[BudgetStep, ...]


def plan_budget(
    needs: tuple[Need, ...], budget_usd_per_month: Decimal, *, explain: bool = True
) -> BudgetAnswer:
    """The mix of best weighted quality that the budget pays for, and what stands beside it."""
    question = MixQuestion(needs, Objective.QUALITY, budget_usd_per_month=budget_usd_per_month)
    found = _single_models(question)
    return BudgetAnswer(
        mix=best_mix(question, explain=explain),
        single_models=tuple(
            sorted(found, key=lambda s: (not s.within_budget, -s.quality, s.usd_per_month, s.model))
        ),
        steps=tuple(_step(question, budget_usd_per_month * share) for share in SHARES),
    )


def _single_models(question: MixQuestion) -> Iterator[SingleModel]:
    slots = [{c.option.model: c for c in slot.choices} for slot in slots_of(question)]
    everywhere = set(slots[0]).intersection(*slots[1:])
    for model in everywhere:
        chosen: list[Choice] = [slot[model] for slot in slots]
        usd = sum((choice.usd for choice in chosen), Fraction(0))
        yield SingleModel(
            model=model,
            usd_per_month=to_usd(usd),
            quality=float(sum(choice.gain for choice in chosen)),
            within_budget=usd <= Fraction(question.budget_usd_per_month or 0),
        )


def _step(question: MixQuestion, budget: Decimal) -> BudgetStep:
    found = solve(replace(question, budget_usd_per_month=budget))
    if found is None:
        return BudgetStep(budget, None, None)
    return BudgetStep(budget, to_usd(found.usd), found.gain)
