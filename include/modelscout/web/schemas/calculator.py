"""A calculation as the page and the JSON API show it. Amounts are exact strings in USD; null is unknown, never zero."""

from __future__ import annotations

from datetime import date, datetime

from modelscout.core.types import Processing
from modelscout.costs.calculator import Basis
from modelscout.costs.projection import MonthStatus
from modelscout.web.schemas.services import Answer, Exact


class ImageSize(Answer):
    """Pixels of a photo as it is sent."""

    name: str
    width_px: int
    height_px: int


class FeatureWork(Answer):
    """What one feature does with one photo; lengths are those of one request."""

    feature: str
    prompt_tokens: int
    """Text without the images."""
    output_tokens: int
    images: int
    requests_per_photo: Exact
    cache_read_tokens: int
    """Of `prompt_tokens`."""
    cache_write_tokens: int
    basis: Basis
    """Whether the lengths were given, are means of the organization's own answers, or are assumed."""


class Workload(Answer):
    """The month's work."""

    photos_per_month: int
    size: ImageSize
    features: tuple[FeatureWork, ...]
    detail: str | None
    """Null leaves it to the vendor."""
    processing: Processing


class TokenUsage(Answer):
    """What one request consumes."""

    input_tokens: int
    """Cached ones and those of images included."""
    output_tokens: int
    """Reasoning included."""
    cache_read_tokens: int
    cache_write_tokens: int
    cache_write_1h_tokens: int
    reasoning_tokens: int
    image_tokens: int
    image_count: int
    operations: int


class FeatureCost(Answer):
    """One feature on one model."""

    feature: str
    usage: TokenUsage | None
    usd_per_photo: Exact | None
    estimated: bool
    """The price is inferred, not read from a price list."""
    reason: str | None
    """Why the cost is unknown."""
    source: str | None


class ModelCost(Answer):
    """A month on one model."""

    model: str
    """Such as `openai/gpt-6-luna`."""
    monthly_usd: Exact | None
    """Fixed costs included."""
    usd_per_photo: Exact | None
    """Without fixed costs."""
    usd_per_1k_tokens: Exact | None
    """Null too where no tokens are billed."""
    fixed_usd_per_month: Exact
    known_monthly_usd: Exact
    """Fixed costs and the features that could be priced."""
    unpriced_features: int
    tokens_per_photo: Exact
    estimated: bool
    retires_on: date | None
    reasons: tuple[str, ...]
    """Why the cost is unknown."""
    features: tuple[FeatureCost, ...]


class BothSides(Answer):
    """The two costs at one volume."""

    photos: int
    cheaper_usd: Exact
    other_usd: Exact


class BreakEven(Answer):
    """`cheaper` costs strictly less than `other` from `from_photos` a month on, and not before."""

    cheaper: str
    other: str
    from_photos: int
    one_below: BothSides | None
    at: BothSides
    one_above: BothSides


class CurvePoint(Answer):
    """What a month of so many photos costs."""

    photos: int
    monthly_usd: Exact


class CostCurve(Answer):
    """One model's cost over the volume, a straight line."""

    model: str
    points: tuple[CurvePoint, ...]


class ProjectedMonth(Answer):
    """One month on one model."""

    starts_on: date
    ends_before: date
    status: MonthStatus
    cost_usd: Exact | None
    photos_not_served: int
    """Photos that no longer find the model."""
    note: str | None
    """Price changes, the retirement, or why the cost is unknown."""


class Projection(Answer):
    """Months in a row; `total_usd` sums what is priced."""

    model: str
    months: tuple[ProjectedMonth, ...]
    total_usd: Exact
    months_not_priced: int
    photos_not_served: int


class SwitchReturn(Answer):
    """A switch over the months that both models serve from beginning to end."""

    current: str
    candidate: str
    switching_cost_usd: Exact
    saving_usd: Exact
    """Before the cost of switching; negative where the candidate costs more."""
    net_saving_usd: Exact
    return_on_investment: Exact | None
    """Net saving for each dollar of switching cost; null where switching costs nothing."""
    payback_month: int | None
    """Counted from 1; null: not in this time."""
    months_compared: int
    not_compared: tuple[str, ...]
    break_even: BreakEven | None


class ImageOption(Answer):
    """One way to send the photos."""

    resolution: str
    detail: str | None
    image_tokens: int
    monthly_usd: Exact
    saving_usd_per_month: Exact


class ImageAdvice(Answer):
    """All ways to send the photos to one model, the cheapest first. Says nothing of quality."""

    model: str
    options: tuple[ImageOption, ...]
    best: ImageOption | None
    """Null where nothing saves."""


class Calculation(Answer):
    """What a month of photos costs on each model, and what follows from it."""

    at: datetime
    """Prices are those of this moment."""
    organization: str | None
    """Null: list prices of everybody."""
    workload: Workload
    models: tuple[ModelCost, ...]
    """The cheapest first, the unknown last."""
    unpriced_models: int
    current: str | None
    """The model in use, which a switch would leave."""
    break_even: tuple[BreakEven, ...]
    curves: tuple[CostCurve, ...]
    projections: tuple[Projection, ...]
    """Of the cheapest models and of the one in use, as break-even, curves, switches and images are."""
    switches: tuple[SwitchReturn, ...]
    images: tuple[ImageAdvice, ...]
    known_features: tuple[str, ...]
    """Features whose lengths are known: typical ones, and those that the organization uses."""
    notes: tuple[str, ...]
    simulated: bool
    """The lengths come from simulated usage."""
