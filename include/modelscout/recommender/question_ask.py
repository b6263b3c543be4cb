"""Puts a question together from what a person asks and what is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

from modelscout.catalog.scoring import documented_worth
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability, Processing, Provider, UseCase
from modelscout.recommender.mix_question import Need
from modelscout.recommender.question_inputs import Knowledge
from modelscout.recommender.question_options import FeatureModels, models_for
from modelscout.recommender.questions import Option, Requirements
from modelscout.recommender.use_case import Candidate, UseCaseQuestion

TYPICAL_FEATURE = {
    UseCase.BATCH_PROCESSING: "photo_tagging",
    UseCase.REAL_TIME: "chat",
    UseCase.COST_SENSITIVE: "search",
    UseCase.HIGH_ACCURACY: "descriptions",
    UseCase.COMPLEX_ANALYSIS: "descriptions",
    UseCase.QUALITY_CONTROL: "moderation",
}
"""Whose requests stand for a use case where no feature is named and the organization has none of it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks of one feature; None leaves it to what is known."""

    requests_per_month: Decimal | None = None
    minimum_quality: float | None = None
    maximum_latency_ms: float | None = None
    capabilities: frozenset[Capability] = frozenset()
    """Beside those that the feature itself requires."""
    providers: frozenset[str] | None = None
    importance: Decimal = Decimal(1)
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How the questions are put together."""

    horizon_days: int = 30
    """A model that retires within so many days is not recommended."""
    cautious: bool = False
    within_margin: bool = False
    """The quality of the model in use less the feature's margin is the minimum, where nothing else is asked."""
    fallback: bool = False
    """Every feature needs one."""
    prompt_tokens: Mapping[str, int] = field(default_factory=dict)
    output_tokens: Mapping[str, int] = field(default_factory=dict)


class Asked(NamedTuple):
    """The features of a mix, and what a reader must know about them."""

    needs: tuple[Need, ...]
    notes: tuple[str, ...]


def needs_for(known: Knowledge, wishes: Mapping[str, Wish], manner: Manner) -> Asked:
    """The named features, else all that the organization used in the last days.

    Raises ConfigurationError where it is not known how many requests a feature has.
    """
    chosen = dict(wishes) or {name: Wish() for name in sorted(known.usage) if known.requests_per_month(name)}
    if not chosen:
        raise ConfigurationError("no feature was used in the last 30 days: give --usage feature=requests")
    models = _models(known, tuple(chosen), manner)
    notes: list[str] = []
    needs = tuple(_need(known, name, wish, models[name], manner, notes) for name, wish in chosen.items())
    return Asked(needs, tuple(notes))


def _need(
    known: Knowledge, name: str, wish: Wish, models: FeatureModels, manner: Manner, notes: list[str]
) -> Need:
    requests = wish.requests_per_month
    if requests is None:
        requests = known.requests_per_month(name)
        if requests is None:
            raise ConfigurationError(
                f"feature {name!r} was not used in the last 30 days: say how many requests a month are expected"
            )
        notes.append(f"{name}: {requests:,.0f} requests a month, as in the last 30 days")
    current = known.current(name)
    minimum = wish.minimum_quality
    if minimum is None and manner.within_margin:
        minimum = _kept_quality(known, name, current, models.options)
        notes.append(
            f"{name}: no minimum quality, the model in use is not measured"
            if minimum is None
            else f"{name}: the minimum quality is that of the model in use less the margin"
        )
    asks = Requirements(
        minimum_quality=minimum,
        maximum_latency_ms=wish.maximum_latency_ms,
        capabilities=models.required | wish.capabilities,
        providers=wish.providers,
        cautious=manner.cautious,
    )
    return Need(
        name, requests, models.options, asks, wish.fallback or manner.fallback, wish.importance, current
    )


def _kept_quality(
    known: Knowledge, feature: str, current: str | None, options: tuple[Option, ...]
) -> float | None:
    found = next((option for option in options if option.model == current), None)
    if found is None or found.quality is None or feature not in known.features:
        return None
    return max(0.0, found.quality.value - known.features[feature].margin)


def _models(
    known: Knowledge,
    features: tuple[str, ...],
    manner: Manner,
    processing: Processing = Processing.STANDARD,
) -> dict[str, FeatureModels]:
    return models_for(
        known,
        features,
        horizon_days=manner.horizon_days,
        processing=processing,
        prompt_tokens=manner.prompt_tokens,
        output_tokens=manner.output_tokens,
    )


class AskedUseCase(NamedTuple):
    """The question, whose requests stand for it, and what a reader must know."""

    question: UseCaseQuestion
    feature: str
    notes: tuple[str, ...]


def use_case_question(
    known: Knowledge, use_case: UseCase, *, feature: str | None, asks: Requirements, manner: Manner
) -> AskedUseCase:
    """Every model for one use case. Batch processing is priced as such."""
    chosen = feature or _feature_of(known, use_case)
    processing = Processing.BATCH if use_case is UseCase.BATCH_PROCESSING else Processing.STANDARD
    models = _models(known, (chosen,), manner, processing)[chosen]
    full = replace(asks, capabilities=asks.capabilities | models.required, cautious=manner.cautious)
    candidates = tuple(Candidate(option, _documented(known, option)) for option in models.options)
    notes = [f"requests, cost, quality and latency are those of {chosen}, {processing.value} processing"]
    if known.organization is None:
        notes.append("nothing is measured on your own work: --organization adds it")
    return AskedUseCase(UseCaseQuestion(use_case, candidates, full), chosen, tuple(notes))


def _feature_of(known: Knowledge, use_case: UseCase) -> str:
    """The organization's busiest feature of this use case, else a typical one."""
    own = [name for name, facts in known.features.items() if facts.use_case == use_case and facts.is_set]
    return max(own, key=lambda name: known.requests_per_month(name) or 0, default=TYPICAL_FEATURE[use_case])


def _documented(known: Knowledge, option: Option) -> Mapping[str, int] | None:
    facts = known.shelf.find(option.model).catalog
    if facts is None:
        return None
    return documented_worth(Provider(facts.provider), facts.capabilities, facts.performance)
