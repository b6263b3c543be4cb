"""What is asked of a mix: the features, their options and requirements, and the limits over all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple

from modelscout.core.errors import ConfigurationError
from modelscout.costs.calculator import to_usd
from modelscout.recommender.questions import LIMITS, Kind, Limit, Option, Requirements, relax_requirement


class Objective(StrEnum):
    """What the mix is best in."""

    QUALITY = "quality"
    COST = "cost"


ASKS_NOTHING = Requirements()


@dataclass(frozen=True, slots=True)
class Need:
    """One feature: how much is asked of it and which models could answer."""

    feature: str
    requests_per_month: Decimal
    options: tuple[Option, ...]
    asks: Requirements = ASKS_NOTHING
    fallback: bool = False
    """A model of another provider must meet the same requirements."""
    importance: Decimal = Decimal(1)
    """Of the quality of one request, beside that of the other features."""
    current: str | None = None
    """The model in use."""


@dataclass(frozen=True, slots=True)
class MixQuestion:
    """One model for each feature. None limits nothing."""

    needs: tuple[Need, ...]
    objective: Objective
    budget_usd_per_month: Decimal | None = None
    maximum_providers: int | None = None
    """Fallbacks included."""
    provider_share: Decimal | None = None
    """Largest part of all requests that one provider may answer, 0 to 1."""

    def __post_init__(self) -> None:
        """Refuse a question without a meaning."""
        names = [need.feature for need in self.needs]
        if not names:
            raise ConfigurationError("features is empty: name at least one")
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigurationError(f"feature {doubled[0]!r} is named twice: name it once")
        if any(not n.requests_per_month >= 0 or not n.importance >= 0 for n in self.needs):
            raise ConfigurationError("requests or importance is negative: give 0 or more")
        if not any(need.requests_per_month * need.importance for need in self.needs):
            raise ConfigurationError("requests is 0 for every feature: say how many a month are expected")
        if self.budget_usd_per_month is not None and not self.budget_usd_per_month >= 0:
            raise ConfigurationError("budget_usd_per_month is negative: give 0 or more")
        if self.maximum_providers is not None and self.maximum_providers < 1:
            raise ConfigurationError("maximum_providers is below 1: give at least 1")
        if self.provider_share is not None and not 0 < self.provider_share <= 1:
            raise ConfigurationError(
                f"provider_share={self.provider_share} is out of range: give above 0 to 1"
            )


class Constraint(NamedTuple):
    """One constraint of a question; `feature` None: of the whole mix."""

    kind: Kind
    feature: str | None = None


class Change(NamedTuple):
    """A constraint moved `to` another limit; None: dropped."""

    constraint: Constraint
    to: Limit = None


_OF_MIX = {
    Kind.BUDGET: "budget_usd_per_month",
    Kind.MAXIMUM_PROVIDERS: "maximum_providers",
    Kind.PROVIDER_SHARE: "provider_share",
}


def constraints_of(question: MixQuestion) -> tuple[Constraint, ...]:
    """Every constraint that is set: those of the mix first, then by feature."""
    found = [Constraint(kind) for kind, name in _OF_MIX.items() if getattr(question, name) is not None]
    for need in sorted(question.needs, key=lambda n: n.feature):
        if need.fallback:
            found.append(Constraint(Kind.FALLBACK, need.feature))
        for kind, name in LIMITS.items():
            if getattr(need.asks, name) not in (None, frozenset()):
                found.append(Constraint(kind, need.feature))
    return tuple(found)


def limit_of(question: MixQuestion, constraint: Constraint) -> object:
    """The limit as it is set."""
    if constraint.feature is None:
        return getattr(question, _OF_MIX[constraint.kind])
    need = next(n for n in question.needs if n.feature == constraint.feature)
    return True if constraint.kind is Kind.FALLBACK else getattr(need.asks, LIMITS[constraint.kind])


def relax(question: MixQuestion, changes: Iterable[Change]) -> MixQuestion:
    """The same question with some constraints moved or dropped."""
    by_feature: dict[str, list[Change]] = {}
    for change in changes:
        kind, feature = change.constraint
        if feature is None:
            moved: dict[str, Any] = {_OF_MIX[kind]: change.to}
            question = replace(question, **moved)
        else:
            by_feature.setdefault(feature, []).append(change)
    if not by_feature:
        return question
    needs = tuple(_relax_need(n, by_feature.get(n.feature, ())) for n in question.needs)
    return replace(question, needs=needs)


def _relax_need(need: Need, changes: Iterable[Change]) -> Need:
    for (kind, _), to in changes:
        if kind is Kind.FALLBACK:
            need = replace(need, fallback=False)
        else:
            need = replace(need, asks=relax_requirement(need.asks, kind, to))
    return need


def month_usd(need: Need, option: Option) -> Fraction | None:
    """What a month of the feature costs on a model, exactly; None where it is unknown."""
    if option.usd_per_request is None:
        return None
    return Fraction(option.usd_per_request) * Fraction(need.requests_per_month)


def total_usd(amounts: Iterable[Fraction]) -> Decimal:
    """The sum of exact amounts."""
    return to_usd(sum(amounts, Fraction(0)))
