"""The cost calculator with everything it needs read for it: models, prices and an organization's own lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import combinations

from sqlalchemy import Engine

from modelscout.analytics.calculator_models import (
    KnownModel,
    Shelf,
    organization_id_of,
    shelf_from_warehouse,
    shelf_without_warehouse,
)
from modelscout.analytics.calculator_usage import (
    TYPICAL,
    FeatureUsage,
    Lengths,
    proven_capabilities,
    read_usage,
)
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Processing
from modelscout.costs.breakeven import BreakEven, CostCurve, CostLine, break_even, cost_curve
from modelscout.costs.calculator import Basis, ModelCost, Offer, Workload, cost_of
from modelscout.costs.calculator_images import ImageSize
from modelscout.costs.calculator_savings import ImageAdvice, image_advice
from modelscout.costs.projection import Projection, project
from modelscout.costs.projection_returns import SwitchReturn, switch_return

MAX_PAIRED_MODELS = 8
"""Up to so many models every pair gets its break-even, beyond only the pairs with the current one."""


@dataclass(frozen=True, slots=True)
class CostQuestion:
    """What a person asks the calculator."""

    photos_per_month: int
    size: ImageSize
    features: Mapping[str, Decimal]
    """Feature to its requests per photo."""
    detail: str | None = None
    processing: Processing = Processing.STANDARD
    prompt_tokens: Mapping[str, int] = field(default_factory=dict)
    """Feature to the text tokens of a request; the empty name is every other feature. So too the next two."""
    output_tokens: Mapping[str, int] = field(default_factory=dict)
    images: Mapping[str, int] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    """`provider/model` or `model`; none: all that can be used."""
    current: str | None = None
    """The model in use, which a switch would leave."""
    months: int = 12
    starts_on: date | None = None
    """First day of the projection; None is today."""
    fixed_usd_per_month: Mapping[str, Decimal] = field(default_factory=dict)
    switching_cost_usd: Decimal = Decimal(0)
    organization: str | None = None
    most_followed: int | None = None
    """How many models are followed over the volume, the months and a switch: the cheapest and the one in use.
    None: all of them."""


@dataclass(frozen=True, slots=True)
class CostReport:
    """The calculator's answer. Money is in USD; None is unknown and says why beside it."""

    at: datetime
    organization: str | None
    workload: Workload
    models: tuple[ModelCost, ...]
    """The cheapest first, the unknown last."""
    unpriced_models: int
    current: str | None
    break_even: tuple[BreakEven, ...]
    curves: tuple[CostCurve, ...]
    """Cost over the volume of the followed models whose price is known."""
    projections: tuple[Projection, ...]
    switches: tuple[SwitchReturn, ...]
    images: tuple[ImageAdvice, ...]
    known_features: tuple[str, ...]
    """Whose lengths need not be given: typical ones, and those that the organization uses."""
    notes: tuple[str, ...]
    simulated: bool
    """The lengths come from simulated usage."""


def calculate(question: CostQuestion, *, now: datetime, engine: Engine | None = None) -> CostReport:
    """Answer a question at the prices of `now`. An organization needs an engine; without one the list prices hold."""
    shelf, usage = _read(question, now, engine)
    models = _models(question, shelf, usage, now)
    workload = _workload(question, usage)
    offers = _offers(question, shelf, models)
    current = _current(question, shelf, usage)
    start = question.starts_on or now.date()
    costs = sorted((cost_of(o, workload, at=now) for o in offers), key=_cheapest_first)
    by_name = {offer.name: offer for offer in offers}
    followed = [by_name[cost.model] for cost in _followed(costs, current, question.most_followed)]
    lines = [line for cost in costs if (line := CostLine.of(cost)) is not None]
    projections = {o.name: project(o, workload, starts_on=start, months=question.months) for o in followed}
    shown = [line for line in lines if line.name in projections]
    advice = [image_advice(o, workload, at=now) for o in followed]
    return CostReport(
        at=now,
        organization=question.organization,
        workload=workload,
        models=tuple(costs),
        unpriced_models=sum(cost.monthly_usd is None for cost in costs),
        current=current,
        break_even=tuple(_break_even(shown, current)),
        curves=tuple(cost_curve(line, photos_per_month=workload.photos_per_month) for line in shown),
        projections=tuple(projections.values()),
        switches=tuple(
            switch_return(projections[current], projection, switching_cost_usd=question.switching_cost_usd)
            for name, projection in projections.items()
            if current is not None and name != current
        ),
        images=tuple(a for a in advice if a is not None),
        known_features=tuple(sorted({*TYPICAL, *(name for name in usage if name)})),
        notes=tuple(_notes(workload, usage)),
        simulated=any(usage[w.feature].simulated for w in workload.features if w.basis is Basis.OWN_USAGE),
    )


def _followed(costs: Sequence[ModelCost], current: str | None, most: int | None) -> list[ModelCost]:
    """In the order of the costs; without a limit also those whose cost is unknown now."""
    return [
        cost
        for place, cost in enumerate(costs)
        if most is None or cost.model == current or (place < most and cost.monthly_usd is not None)
    ]


def _read(
    question: CostQuestion, now: datetime, engine: Engine | None
) -> tuple[Shelf, dict[str, FeatureUsage]]:
    if question.organization is None:
        return shelf_without_warehouse(), {}
    if engine is None:
        raise ConfigurationError("organization needs a warehouse: set MODELSCOUT_DATABASE_URL")
    with engine.connect() as connection:
        organization_id = organization_id_of(connection, question.organization)
        return (
            shelf_from_warehouse(connection, organization_id),
            read_usage(connection, organization_id, now=now),
        )


def _workload(question: CostQuestion, usage: Mapping[str, FeatureUsage]) -> Workload:
    lengths = Lengths(
        prompt_tokens=question.prompt_tokens,
        output_tokens=question.output_tokens,
        images=question.images,
        usage=usage,
    )
    unknown = {*question.prompt_tokens, *question.output_tokens, *question.images} - {"", *question.features}
    if unknown:
        raise ConfigurationError(
            f"a length is given for {sorted(unknown)[0]!r}, which is not among the features"
        )
    return Workload(
        photos_per_month=question.photos_per_month,
        size=question.size,
        features=tuple(lengths.of(name, times) for name, times in question.features.items()),
        detail=question.detail,
        processing=question.processing,
    )


def _models(
    question: CostQuestion, shelf: Shelf, usage: Mapping[str, FeatureUsage], now: datetime
) -> list[KnownModel]:
    chosen = [shelf.find(name) for name in question.models] or shelf.usable(now.date())
    current = _current(question, shelf, usage)
    if current is not None:
        chosen.append(shelf.find(current))
    unique = {model.key: model for model in chosen}.values()
    return [m.proving(proven_capabilities(usage, m.provider, m.model_id)) for m in unique]


def _current(question: CostQuestion, shelf: Shelf, usage: Mapping[str, FeatureUsage]) -> str | None:
    """The one named, else the one that answers most of these features, else the first of the list."""
    if question.current is not None:
        return shelf.find(question.current).key
    answers: dict[str, int] = {}
    for feature in question.features:
        for model in usage[feature].models if feature in usage else ():
            key = f"{model.provider}/{model.model_id}"
            answers[key] = answers.get(key, 0) + model.answers
    if answers:
        return max(answers, key=lambda key: answers[key])
    return shelf.find(question.models[0]).key if question.models else None


def _offers(question: CostQuestion, shelf: Shelf, models: Sequence[KnownModel]) -> list[Offer]:
    fixed = {shelf.find(name).key: amount for name, amount in question.fixed_usd_per_month.items()}
    strange = sorted(set(fixed) - {model.key for model in models})
    if strange:
        raise ConfigurationError(
            f"a fixed cost is given for {strange[0]}, which is not among the models: name it there"
        )
    return [model.offer(fixed.get(model.key, Decimal(0))) for model in models]


def _cheapest_first(cost: ModelCost) -> tuple[bool, Decimal, str]:
    return (cost.monthly_usd is None, cost.monthly_usd or Decimal(0), cost.model)


def _break_even(lines: Sequence[CostLine], current: str | None) -> list[BreakEven]:
    pairs = [
        (a, b)
        for a, b in combinations(lines, 2)
        if len(lines) <= MAX_PAIRED_MODELS or current in (a.name, b.name)
    ]
    return [found for a, b in pairs if (found := break_even(a, b)) is not None]


def _notes(workload: Workload, usage: Mapping[str, FeatureUsage]) -> list[str]:
    notes = []
    for work in workload.features:
        if work.basis is Basis.ASSUMED:
            why = (
                "its recorded usage does not tell text from images"
                if work.feature in usage
                else "no usage is known"
            )
            notes.append(
                f"{work.feature}: {work.prompt_tokens} prompt and {work.output_tokens} output tokens are assumed, "
                f"{why}: give your own lengths where you know them"
            )
        elif work.basis is Basis.OWN_USAGE:
            own = usage[work.feature]
            notes.append(
                f"{work.feature}: lengths are the means of {own.first_day} to {own.last_day}, "
                "taken to be the same on every model"
            )
    return notes
