"""What a recorded mix of tokens would cost on another model, and a model's prices per 1,000 tokens and image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from modelscout.analytics.calculator_models import KnownModel
from modelscout.analytics.calculator_usage import FeatureUsage, ModelUsage
from modelscout.core.types import Capability, Processing, TokenUsage
from modelscout.costs.calculator import billable, is_billed_per_operation, to_usd
from modelscout.costs.calculator_images import ImageSize, tokens_per_image
from modelscout.costs.prices import PriceRow
from modelscout.costs.pricing import price_usage, select_price

DAYS_PER_MONTH = Fraction("30.4375")


class MixCost(NamedTuple):
    """Cost of a mix in USD; None is unknown, and `reason` says why."""

    cost_usd: Fraction | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class FeatureMonth:
    """One feature of the organization moved to one model: a month at the recent volume, in USD."""

    feature: str
    requests_per_month: Decimal
    monthly_usd: Decimal | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class CostView:
    """What a model costs, in USD at the prices of the moment. None is unknown, or not billed in this way."""

    input_usd_per_1k_tokens: Decimal | None
    output_usd_per_1k_tokens: Decimal | None
    cache_read_usd_per_1k_tokens: Decimal | None
    batch_input_usd_per_1k_tokens: Decimal | None
    batch_output_usd_per_1k_tokens: Decimal | None
    operation_usd: Decimal | None
    image_tokens: int | None
    """Of one photo at the resolution of the comparison."""
    image_usd: Decimal | None
    """That photo alone, without prompt and answer."""
    price_source: str | None
    price_valid_from: datetime | None
    next_change_at: datetime | None
    """When a scheduled price comes into force."""
    estimated: bool
    monthly_usd: Decimal | None
    """All features of the organization on this model; None where one of them has no known cost."""
    known_monthly_usd: Decimal | None
    unpriced_requests_per_month: Decimal | None
    features: tuple[FeatureMonth, ...]
    reason: str | None
    """Why there is no monthly cost."""


def cost_view(
    model: KnownModel, *, size: ImageSize, usage: Mapping[str, FeatureUsage], now: datetime
) -> CostView:
    """Prices of a model, and what the organization's own mix would cost on it."""
    row = _row(model, Processing.STANDARD, now)
    batch = _row(model, Processing.BATCH, now)
    later = [r.valid_from for r in model.rows if r.valid_from > now and r.processing is Processing.STANDARD]
    features = tuple(_month(model, usage[name], size, now) for name in sorted(usage))
    known = [f.monthly_usd for f in features if f.monthly_usd is not None]
    known_usd = to_usd(sum((Fraction(k) for k in known), Fraction(0)))
    missing = [f.requests_per_month for f in features if f.monthly_usd is None]
    return CostView(
        input_usd_per_1k_tokens=_per_1k(row, "input_usd_per_million_tokens"),
        output_usd_per_1k_tokens=_per_1k(row, "output_usd_per_million_tokens"),
        cache_read_usd_per_1k_tokens=_per_1k(row, "cache_read_usd_per_million_tokens"),
        batch_input_usd_per_1k_tokens=_per_1k(batch, "input_usd_per_million_tokens"),
        batch_output_usd_per_1k_tokens=_per_1k(batch, "output_usd_per_million_tokens"),
        operation_usd=row.operation_usd if row else None,
        image_tokens=_image(model, row, size).image_tokens or None,
        image_usd=_image_usd(model, row, size, now),
        price_source=row.source if row else None,
        price_valid_from=row.valid_from if row else None,
        next_change_at=min(later, default=None),
        estimated=bool(row and row.estimated),
        monthly_usd=known_usd if features and not missing else None,
        known_monthly_usd=known_usd if features else None,
        unpriced_requests_per_month=sum(missing, Decimal(0)) if features else None,
        features=features,
        reason=_why_no_month(features),
    )


def mix_cost(
    model: KnownModel,
    usage: TokenUsage,
    *,
    requests: int,
    required: frozenset[Capability],
    at: datetime,
    size: ImageSize | None = None,
) -> MixCost:
    """What the sum of `requests` recorded requests would cost on `model` at standard processing.

    Tokens are taken over as they are; with a `size` those of the images are counted anew by the model's own rule.
    The tier is that of the mean request.
    """
    needed = required | {Capability.IMAGE_ANALYSIS} if usage.image_count else required
    if model.capabilities is not None and (lacking := sorted(needed - model.capabilities)):
        return MixCost(None, f"the model has no {', '.join(lacking)}")
    row = _row(model, Processing.STANDARD, at)
    if row is None:
        return MixCost(None, "no price for standard processing")
    if is_billed_per_operation(row):
        if not usage.image_count:
            return MixCost(None, "the model is billed per operation, and the usage counts no images")
        return _priced(TokenUsage(image_count=usage.image_count, operations=usage.image_count), row, at)
    if not usage.input_tokens:
        return MixCost(None, "the recorded usage counts no tokens")
    if size is not None and usage.image_count:
        if not usage.image_tokens:
            return MixCost(None, "the recorded usage does not tell text from images")
        each = tokens_per_image(model.provider, model.model_id, size, None)
        if each.tokens is None:
            return MixCost(None, each.reason)
        images = each.tokens * usage.image_count
        text = usage.input_tokens - usage.image_tokens
        usage = replace(usage, input_tokens=text + images, image_tokens=images)
    mean = usage.input_tokens // max(requests, 1)
    tier = select_price(model.rows, at=at, processing=Processing.STANDARD, input_tokens=mean)
    return _priced(replace(usage, operations=0), tier or row, at)


def _priced(usage: TokenUsage, row: PriceRow, at: datetime) -> MixCost:
    # The sum of many requests must not climb into the tier of one long request.
    call = price_usage(billable(usage, row), [row], at=at)
    return MixCost(None if call.cost_usd is None else Fraction(call.cost_usd), call.reason)


def _month(model: KnownModel, usage: FeatureUsage, size: ImageSize, now: datetime) -> FeatureMonth:
    share = DAYS_PER_MONTH / days_of(usage, now.date())
    requests = sum(m.requests for m in usage.models)
    cost = _feature_cost(model, usage, size, now)
    return FeatureMonth(
        feature=usage.feature,
        requests_per_month=to_usd(requests * share),
        monthly_usd=None if cost.cost_usd is None else to_usd(cost.cost_usd * share),
        reason=cost.reason,
    )


def days_of(usage: FeatureUsage, today: date) -> int:
    """Days that the recorded usage stands for: from its first one to today, both included."""
    return max((today - usage.first_day).days + 1, 1)


def _feature_cost(model: KnownModel, usage: FeatureUsage, size: ImageSize, now: datetime) -> MixCost:
    if model.retires_on is not None and model.retires_on <= now.date():
        return MixCost(None, f"retired on {model.retires_on}")
    total = Fraction(0)
    for part in usage.models:
        cost = _part_cost(model, part, usage.required, size, now)
        if cost.cost_usd is None:
            return cost
        total += cost.cost_usd
    return MixCost(total, None)


def _part_cost(
    model: KnownModel, part: ModelUsage, required: frozenset[Capability], size: ImageSize, now: datetime
) -> MixCost:
    if not part.usage.input_tokens and not part.usage.operations:
        return MixCost(Fraction(0), None)  # Nothing but failed attempts.
    return mix_cost(model, part.usage, requests=part.answers, required=required, at=now, size=size)


def _row(model: KnownModel, processing: Processing, at: datetime) -> PriceRow | None:
    return select_price(model.rows, at=at, processing=processing, input_tokens=0)


def _per_1k(row: PriceRow | None, unit: str) -> Decimal | None:
    price: Decimal | None = getattr(row, unit) if row else None
    return None if price is None else to_usd(Fraction(price) / 1000)


def _image(model: KnownModel, row: PriceRow | None, size: ImageSize) -> TokenUsage:
    if is_billed_per_operation(row):
        return TokenUsage(image_count=1, operations=1)
    tokens = tokens_per_image(model.provider, model.model_id, size, None).tokens or 0
    return TokenUsage(input_tokens=tokens, image_tokens=tokens, image_count=1)


def _image_usd(model: KnownModel, row: PriceRow | None, size: ImageSize, at: datetime) -> Decimal | None:
    usage = _image(model, row, size)
    sees = model.capabilities is None or Capability.IMAGE_ANALYSIS in model.capabilities
    if row is None or not sees or not (usage.input_tokens or usage.operations):
        return None
    return price_usage(usage, model.rows, at=at).cost_usd


def _why_no_month(features: Sequence[FeatureMonth]) -> str | None:
    if not features:
        return "no usage of an organization is known"
    reasons = [f"{f.feature}: {f.reason}" for f in features if f.reason]
    return "; ".join(reasons) or None
