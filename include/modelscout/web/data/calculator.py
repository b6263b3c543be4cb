"""The calculator's question out of an address, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import Query

from modelscout.analytics.calculator import CostQuestion, CostReport, calculate
from modelscout.core import arguments
from modelscout.core.clock import now
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Processing
from modelscout.costs.calculator import parse_size
from modelscout.costs.projection import MAX_MONTHS
from modelscout.web.access import Access, ChosenOrganization, Organization

FOLLOWED_MODELS = 6
MOST_PHOTOS = 10_000_000_000
MOST_TOKENS = 100_000_000
MOST_USD = Decimal(1_000_000_000)
MOST_REQUESTS = Decimal(1_000_000)
MOST_PLACES = 12
FIRST_YEAR, LAST_YEAR = 2000, 2200
MOST_FEATURES = 50
USUAL_MONTHS = 12
USUAL_FEATURE = "photo_tagging"
Detail = Literal["low", "medium", "high", "ultra_high", "original"]
Text = Annotated[str, Query(max_length=300, pattern=r"^[^\x00]*$")]


def calculation_question(
    chosen: ChosenOrganization,
    photos: Annotated[int, Query(ge=0, le=MOST_PHOTOS, description="Photos a month.")] = 50_000,
    resolution: Annotated[
        str, Query(max_length=20, description="low, medium, high or pixels such as 1920x1080.")
    ] = "medium",
    detail: Annotated[
        Detail | None, Query(description="Detail of the images; without it the vendor decides.")
    ] = None,
    feature: Annotated[
        list[Text] | None,
        Query(max_length=MOST_FEATURES, description="NAME or NAME=REQUESTS a photo, repeatable."),
    ] = None,
    batch: Annotated[bool, Query(description="Batch processing.")] = False,
    prompt_tokens: Annotated[
        list[Text] | None,
        Query(
            max_length=MOST_FEATURES,
            description="Text of a request: N for every feature or FEATURE=N for one.",
        ),
    ] = None,
    output_tokens: Annotated[
        list[Text] | None,
        Query(max_length=MOST_FEATURES, description="Answer of a request: N or FEATURE=N, repeatable."),
    ] = None,
    images: Annotated[
        list[Text] | None,
        Query(max_length=MOST_FEATURES, description="Photos in a request: N or FEATURE=N, repeatable."),
    ] = None,
    model: Annotated[
        list[Text] | None,
        Query(
            max_length=200, description="Models to price, such as openai/gpt-6-luna; none: all usable ones."
        ),
    ] = None,
    current: Annotated[
        str | None, Query(max_length=300, pattern=r"^[^\x00]*$", description="The model in use.")
    ] = None,
    months: Annotated[
        int, Query(ge=1, le=MAX_MONTHS, description="Length of the projection.")
    ] = USUAL_MONTHS,
    start: Annotated[date | None, Query(description="Its first day; without it today (UTC).")] = None,
    fixed_cost: Annotated[
        list[Text] | None,
        Query(max_length=MOST_FEATURES, description="MODEL=USD of a plan per month, repeatable."),
    ] = None,
    switching_cost: Annotated[
        Decimal,
        Query(ge=0, le=MOST_USD, decimal_places=MOST_PLACES, description="USD spent once by a switch."),
    ] = Decimal(0),
) -> CostQuestion:
    """FastAPI dependency: what the address asks. Raises ConfigurationError that names the parameter and the remedy."""
    if start is not None and not FIRST_YEAR <= start.year < LAST_YEAR:
        raise ConfigurationError(
            f"start={start} is out of range: give a day from {FIRST_YEAR} to {LAST_YEAR}"
        )
    return CostQuestion(
        photos_per_month=photos,
        size=parse_size(resolution),
        features=_within(_weights(feature or [USUAL_FEATURE]), MOST_REQUESTS, "feature", "requests a photo"),
        detail=detail,
        processing=Processing.BATCH if batch else Processing.STANDARD,
        prompt_tokens=_lengths(prompt_tokens, "prompt_tokens"),
        output_tokens=_lengths(output_tokens, "output_tokens"),
        images=_lengths(images, "images"),
        models=tuple(dict.fromkeys(name for name in model or () if name)),
        current=current or None,
        months=months,
        starts_on=start,
        fixed_usd_per_month=_within(
            arguments.amounts(fixed_cost, "fixed_cost"), MOST_USD, "fixed_cost", "USD"
        ),
        switching_cost_usd=switching_cost,
        organization=chosen.id if chosen else None,
        most_followed=FOLLOWED_MODELS,
    )


def answer(access: Access, chosen: Organization | None, question: CostQuestion) -> CostReport:
    """The calculator's answer at the prices of now; the organization by its short name."""
    report = calculate(question, now=now(), engine=access.reading)
    return replace(report, organization=chosen.slug if chosen else None)


def address_of(question: CostQuestion) -> dict[str, str | list[str]]:
    """The parameters that ask `question`, without those that say what is usual anyway."""
    features = [name if times == 1 else f"{name}={times:f}" for name, times in question.features.items()]
    given: dict[str, str | list[str] | None] = {
        "photos": str(question.photos_per_month),
        "resolution": None if question.size.name == "medium" else question.size.name,
        "detail": question.detail,
        "feature": features,
        "batch": "true" if question.processing is Processing.BATCH else None,
        "prompt_tokens": _pairs(question.prompt_tokens),
        "output_tokens": _pairs(question.output_tokens),
        "images": _pairs(question.images),
        "model": list(question.models),
        "current": question.current,
        "months": None if question.months == USUAL_MONTHS else str(question.months),
        "start": question.starts_on.isoformat() if question.starts_on else None,
        "fixed_cost": [f"{name}={usd:f}" for name, usd in question.fixed_usd_per_month.items()],
        "switching_cost": f"{question.switching_cost_usd:f}" if question.switching_cost_usd else None,
    }
    return {name: value for name, value in given.items() if value}


def _pairs(lengths: Mapping[str, int]) -> list[str]:
    return [f"{name}={count}" if name else str(count) for name, count in lengths.items()]


def _weights(features: list[str]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for text in features:
        found |= arguments.weights(text, "feature")
    return found


def _lengths(values: list[str] | None, option: str) -> dict[str, int]:
    found = arguments.counts(values, option)
    if any(count > MOST_TOKENS for count in found.values()):
        raise ConfigurationError(f"{option} is out of range: give at most {MOST_TOKENS}")
    return found


def _within(values: dict[str, Decimal], most: Decimal, option: str, unit: str) -> dict[str, Decimal]:
    """Sums stay exact: bounded in size and in decimal places."""
    for value in values.values():
        if value > most or -int(value.as_tuple().exponent) > MOST_PLACES:
            raise ConfigurationError(
                f"{option} is out of range: give at most {most:,f} {unit} with at most {MOST_PLACES} decimal places"
            )
    return values
