"""The optimal mix: one model for each feature, what holds it back, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from modelscout.costs.calculator import to_usd
from modelscout.recommender.mix_binding import Bindings, bindings
from modelscout.recommender.mix_conflict import Conflict, explain_conflict
from modelscout.recommender.mix_model import Choice, Solution, solve, sorted_needs
from modelscout.recommender.mix_question import MixQuestion, Need, Objective
from modelscout.recommender.questions import OWN_WORK, Ability, Measure, Source

RESOLVES = 12
"""Requirements of single features whose price is found by re-solving, the most promising first."""


@dataclass(frozen=True, slots=True)
class Pick:
    """The model of one feature. None is unknown."""

    feature: str
    model: str
    current: str | None
    requests_per_month: Decimal
    usd_per_month: Decimal
    cost_source: Source
    quality: Measure | None
    latency_ms: Measure | None
    fallback: str | None
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MixAnswer:
    """The best mix, or the conflict that leaves none."""

    objective: Objective
    budget_usd_per_month: Decimal | None
    picks: tuple[Pick, ...]
    """By feature; empty where there is no mix."""
    usd_per_month: Decimal | None
    quality: float | None
    """Mean over all requests, weighted by importance, 0 to 1; None where a pick's is unknown."""
    bindings: Bindings | None
    conflict: Conflict | None

    @property
    def is_feasible(self) -> bool:
        """Whether there is a mix."""
        return self.conflict is None


def best_mix(question: MixQuestion, *, explain: bool = True, resolves: int = RESOLVES) -> MixAnswer:
    """The optimal mix; with `explain` also what binds. Without one always why, and what would make one possible."""
    found = solve(question)
    if found is None:
        conflict = explain_conflict(question)
        return MixAnswer(question.objective, question.budget_usd_per_month, (), None, None, None, conflict)
    known = all(pick.option.quality for pick in found.picks)
    return MixAnswer(
        objective=question.objective,
        budget_usd_per_month=question.budget_usd_per_month,
        picks=tuple(_picks(sorted_needs(question), found)),
        usd_per_month=to_usd(found.usd),
        quality=found.gain if known else None,
        bindings=bindings(question, found, resolves=resolves) if explain else None,
        conflict=None,
    )


def _picks(needs: list[Need], found: Solution) -> Iterator[Pick]:
    for need, choice, fallback in zip(needs, found.picks, found.fallbacks, strict=True):
        yield Pick(
            feature=need.feature,
            model=choice.option.model,
            current=need.current,
            requests_per_month=need.requests_per_month,
            usd_per_month=to_usd(choice.usd),
            cost_source=choice.option.cost_source,
            quality=choice.option.quality,
            latency_ms=choice.option.latency_ms,
            fallback=fallback.option.model if fallback else None,
            remarks=tuple(_remarks(need, choice)),
        )


def _remarks(need: Need, choice: Choice) -> Iterator[str]:
    """What a reader must know about a pick: what is not measured on the own work, and what may miss a limit."""
    option, asks = choice.option, need.asks
    if option.quality is None:
        yield "quality is unknown"
    elif option.quality.source not in OWN_WORK:
        yield "quality is not measured on your own work"
    if option.quality and asks.minimum_quality is not None:
        low = option.quality.low
        if low is None or low < asks.minimum_quality:
            yield "quality may be below the minimum: its interval reaches there"
    if option.latency_ms and asks.maximum_latency_ms is not None:
        high = option.latency_ms.high
        if high is None or high > asks.maximum_latency_ms:
            yield "latency may be above the maximum: its interval reaches there"
    documented = sorted(c for c in asks.capabilities if option.abilities.get(c) is Ability.DOCUMENTED)
    if documented:
        yield f"only documented, not verified: {', '.join(documented)}"
