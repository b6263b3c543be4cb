"""What a month of photos costs on one model, in exact decimals. An unknown price stays unknown, with the reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability, Processing, TokenUsage
from modelscout.costs.calculator_images import ImageSize, tokens_per_image
from modelscout.costs.prices import PriceRow
from modelscout.costs.pricing import price_usage, select_price

RESOLUTIONS = {
    "low": ImageSize("low", 512, 512),
    "medium": ImageSize("medium", 1024, 1024),
    "high": ImageSize("high", 4032, 3024),
}
"""The named sizes: a thumbnail, a web picture, a 12-megapixel photo."""
_EXACT = Context(prec=200)
_PLACES = Decimal("1e-12")


class Basis(StrEnum):
    """Where the lengths of a feature's requests come from."""

    GIVEN = "given"
    OWN_USAGE = "own_usage"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class FeatureWork:
    """What one feature does with one photo. Token counts are those of one request."""

    feature: str
    prompt_tokens: int
    """Text sent with the request, without the image."""
    output_tokens: int
    images: int
    """Photos sent with one request."""
    requests_per_photo: Decimal = Decimal(1)
    cache_read_tokens: int = 0
    """Of `prompt_tokens`; taken to be cached by every model alike."""
    cache_write_tokens: int = 0
    required: frozenset[Capability] = frozenset()
    basis: Basis = Basis.GIVEN

    def __post_init__(self) -> None:
        """Refuse counts that contradict each other."""
        counts = (self.prompt_tokens, self.output_tokens, self.images, self.cache_read_tokens)
        if min(*counts, self.cache_write_tokens) < 0 or self.requests_per_photo < 0:
            raise ConfigurationError(f"{self.feature}: a count is negative: give 0 or more")
        if self.cache_read_tokens + self.cache_write_tokens > self.prompt_tokens:
            raise ConfigurationError(
                f"{self.feature}: cached tokens exceed prompt_tokens={self.prompt_tokens}, of which they are a part"
            )


@dataclass(frozen=True, slots=True)
class Workload:
    """A month's work."""

    photos_per_month: int
    size: ImageSize
    features: tuple[FeatureWork, ...]
    detail: str | None = None
    """The detail setting sent with every image; None leaves it to the vendor."""
    processing: Processing = Processing.STANDARD

    def __post_init__(self) -> None:
        """Refuse a month without a meaning."""
        if self.photos_per_month < 0:
            raise ConfigurationError(f"photos={self.photos_per_month} is negative: give 0 or more a month")
        if not self.features:
            raise ConfigurationError("features is empty: name at least one, such as photo_tagging")


@dataclass(frozen=True, slots=True)
class Offer:
    """A model as the calculator sees it: its prices, what it can do, and how long it lives."""

    provider: str
    model_id: str
    rows: tuple[PriceRow, ...]
    capabilities: frozenset[Capability] | None = None
    """Documented ones; None is unknown, and then nothing is refused."""
    context_window_tokens: int | None = None
    retires_on: date | None = None
    """First day on which it no longer answers (UTC)."""
    successor: str | None = None
    fixed_usd_per_month: Decimal = Decimal(0)
    """A plan or subscription, billed whatever is used."""

    @property
    def name(self) -> str:
        """Such as `openai/gpt-6-luna`."""
        return f"{self.provider}/{self.model_id}"


class FeatureCost(NamedTuple):
    """One feature on one model. `usd_per_photo` None means unknown, and `reason` says why."""

    feature: str
    usage: TokenUsage | None
    """Of one request."""
    usd_per_photo: Decimal | None
    estimated: bool
    reason: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class ModelCost:
    """A month on one model at the prices of one moment, in USD. None is unknown; `reasons` say why."""

    model: str
    monthly_usd: Decimal | None
    usd_per_photo: Decimal | None
    """Without fixed costs."""
    usd_per_1k_tokens: Decimal | None
    """What 1,000 tokens of this mix of input and output cost; None too where no tokens are billed."""
    fixed_usd_per_month: Decimal
    known_monthly_usd: Decimal
    """Fixed costs and the features that could be priced."""
    unpriced_features: int
    tokens_per_photo: Decimal
    estimated: bool
    """A price in it is inferred, not read from a price list."""
    retires_on: date | None
    reasons: tuple[str, ...]
    features: tuple[FeatureCost, ...]


def parse_size(text: str) -> ImageSize:
    """`low`, `medium`, `high` or pixels such as `1920x1080`. Raises ConfigurationError for anything else."""
    if text in RESOLUTIONS:
        return RESOLUTIONS[text]
    match = re.fullmatch(r"([1-9]\d{0,5})[x\u00d7]([1-9]\d{0,5})", text.strip().lower())
    if match is None:
        raise ConfigurationError(
            f"resolution={text!r} is unknown: give low, medium, high or pixels such as 1920x1080"
        )
    return ImageSize(text, int(match[1]), int(match[2]))


def cost_of(offer: Offer, workload: Workload, *, at: datetime) -> ModelCost:
    """A month of `workload` on `offer` at the prices of `at`. Nothing is rounded but `usd_per_1k_tokens`."""
    features = tuple(_feature_cost(offer, work, workload, at) for work in workload.features)
    known = [Fraction(f.usd_per_photo) for f in features if f.usd_per_photo is not None]
    per_photo = sum(known, Fraction(0))
    fixed = Fraction(offer.fixed_usd_per_month)
    known_usd = to_usd(fixed + workload.photos_per_month * per_photo)
    tokens = sum(
        (
            _tokens(f) * Fraction(w.requests_per_photo)
            for f, w in zip(features, workload.features, strict=True)
        ),
        Fraction(0),
    )
    complete = len(known) == len(features)
    return ModelCost(
        model=offer.name,
        monthly_usd=known_usd if complete else None,
        usd_per_photo=to_usd(per_photo) if complete else None,
        usd_per_1k_tokens=to_usd(1000 * per_photo / tokens) if complete and tokens else None,
        fixed_usd_per_month=offer.fixed_usd_per_month,
        known_monthly_usd=known_usd,
        unpriced_features=len(features) - len(known),
        tokens_per_photo=to_usd(tokens),
        estimated=any(f.estimated for f in features),
        retires_on=offer.retires_on,
        reasons=_reasons(features),
        features=features,
    )


def to_usd(amount: Fraction) -> Decimal:
    """Exact where the amount has at most twelve decimal places more than a price needs, else rounded there."""
    with localcontext(_EXACT):
        value = Decimal(amount.numerator) / Decimal(amount.denominator)
        return plain_decimal(value if Fraction(value) == amount else value.quantize(_PLACES, ROUND_HALF_EVEN))


def plain_decimal(value: Decimal) -> Decimal:
    """Without trailing zeros and without an exponent: 12, not 12.000 and not 1.2E+1."""
    with localcontext(_EXACT):
        short = value.normalize()
        return short.quantize(Decimal(1)) if int(short.as_tuple().exponent) > 0 else short


def _tokens(cost: FeatureCost) -> Fraction:
    return Fraction(cost.usage.input_tokens + cost.usage.output_tokens) if cost.usage else Fraction(0)


def _reasons(features: Sequence[FeatureCost]) -> tuple[str, ...]:
    texts = dict.fromkeys(f.reason for f in features if f.reason)
    if len(texts) == 1 and len(features) == sum(f.reason is not None for f in features):
        return tuple(texts)
    return tuple(f"{f.feature}: {f.reason}" for f in features if f.reason)


def billable(usage: TokenUsage, row: PriceRow | None) -> TokenUsage:
    """What a model makes of work that was measured or imagined for another.

    A vendor without a price for cache writes caches by itself and bills what it writes as plain input.
    """
    if row is None or row.cache_write_usd_per_million_tokens is not None:
        return usage
    return replace(usage, cache_write_tokens=0, cache_write_1h_tokens=0)


def is_billed_per_operation(row: PriceRow | None) -> bool:
    """Whether a model counts operations and no tokens."""
    return row is not None and row.operation_usd is not None and row.input_usd_per_million_tokens is None


def _feature_cost(offer: Offer, work: FeatureWork, workload: Workload, at: datetime) -> FeatureCost:
    row = select_price(offer.rows, at=at, processing=workload.processing, input_tokens=0)
    usage, reason = _usage(offer, work, workload, is_billed_per_operation(row), at)
    if row is None and reason is None:
        reason = f"no price for {workload.processing.value} processing"
    if usage is None or row is None:
        return FeatureCost(work.feature, usage, None, estimated=False, reason=reason, source=None)
    row = select_price(offer.rows, at=at, processing=workload.processing, input_tokens=usage.input_tokens)
    usage = billable(usage, row)
    call = price_usage(usage, offer.rows, at=at, processing=workload.processing)
    per_photo = None
    if call.cost_usd is not None:
        with localcontext(_EXACT):
            per_photo = plain_decimal(call.cost_usd * work.requests_per_photo)
    source = call.price.source if call.price else None
    return FeatureCost(work.feature, usage, per_photo, call.estimated, call.reason, source)


def _usage(
    offer: Offer, work: FeatureWork, workload: Workload, per_operation: bool, at: datetime
) -> tuple[TokenUsage | None, str | None]:
    """What one request consumes, or why that is unknown."""
    if offer.retires_on is not None and offer.retires_on <= at.date():
        return None, f"retired on {offer.retires_on}"
    lacking = (
        sorted(required_capabilities(work) - offer.capabilities) if offer.capabilities is not None else []
    )
    if lacking:
        return None, f"the model has no {', '.join(lacking)}"
    if per_operation:
        return TokenUsage(image_count=work.images, operations=max(work.images, 1)), None
    images = tokens_per_image(offer.provider, offer.model_id, workload.size, workload.detail)
    if work.images and images.tokens is None:
        return None, images.reason
    image_tokens = work.images * (images.tokens or 0)
    usage = TokenUsage(
        input_tokens=work.prompt_tokens + image_tokens,
        output_tokens=work.output_tokens,
        cache_read_tokens=work.cache_read_tokens,
        cache_write_tokens=work.cache_write_tokens,
        image_tokens=image_tokens,
        image_count=work.images,
    )
    needed = usage.input_tokens + usage.output_tokens
    if offer.context_window_tokens is not None and needed > offer.context_window_tokens:
        return (
            None,
            f"a request of {needed} tokens exceeds the context window of {offer.context_window_tokens}",
        )
    return usage, None


def required_capabilities(work: FeatureWork) -> frozenset[Capability]:
    """What a model needs for this work: what the feature asks for, and eyes where it sends photos."""
    return work.required | {Capability.IMAGE_ANALYSIS} if work.images else work.required
