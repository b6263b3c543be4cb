"""Models side by side, as the page and the JSON API show them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from modelscout.core.types import UseCase
from modelscout.web.schemas.common import Shown


class ComparedModel(Shown):
    """One model of a comparison."""

    model: str
    """`provider/model`."""
    name: str
    status: str | None
    """For the organization's key; null without one."""
    retires_on: date | None
    days_left: int | None
    """Until it retires; negative once it has."""
    successor: str | None
    price_estimated: bool
    next_price_at: datetime | None
    """When a scheduled price comes into force."""
    no_month_because: str | None
    """Why there is no monthly cost."""


class ComparisonLine(Shown):
    """One line: one value a model, in the order of the models."""

    category: Literal["performance", "capabilities", "costs", "limits"]
    key: str
    label: str
    unit: Literal[
        "ms", "tokens_per_second", "share", "class", "capability", "usd", "tokens", "count", "score"
    ]
    """`share` is of 1, `class` goes from low to very_high, `capability` is verified, documented, contradicted, absent
    or unknown."""
    more_is_better: bool | None
    """Null where neither is."""
    values: list[Decimal | float | str | None]
    """Null is unknown."""
    intervals: list[tuple[float, float] | None]
    """95 %, where the line is measured so."""
    best: list[str]
    """Models with the best value; several where they are equal or their intervals do not tell them apart."""


class Suitability(Shown):
    """How well one model suits one use case."""

    use_case: UseCase
    model: str
    score: int | None
    """0 to 100; null where unknown."""
    reason: str | None


class Comparison(Shown):
    """Models side by side, in the order they were asked for."""

    at: datetime
    organization: str | None
    """Whose traffic, prices and volume count; null for none."""
    photo: str
    """Pixels of the photo that image costs are for."""
    models: list[ComparedModel]
    lines: list[ComparisonLine]
    suitability: list[Suitability]
    notes: list[str]
    simulated: bool
    """A measured figure comes from simulated traffic or a simulated provider."""
