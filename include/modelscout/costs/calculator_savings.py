"""Which resolution or detail setting would save most on one model. Says nothing of quality: a trial does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from modelscout.costs.calculator import RESOLUTIONS, Offer, Workload, cost_of, to_usd
from modelscout.costs.calculator_images import ImageSize, details_of, tokens_per_image


@dataclass(frozen=True, slots=True)
class ImageOption:
    """One way to send the photos, in USD at the prices of the moment."""

    resolution: str
    detail: str | None
    """None leaves it to the vendor."""
    image_tokens: int
    monthly_usd: Decimal
    saving_usd_per_month: Decimal
    """Against the workload as it is; negative where it costs more."""


@dataclass(frozen=True, slots=True)
class ImageAdvice:
    """All ways to send the photos to one model, the cheapest first."""

    model: str
    options: tuple[ImageOption, ...]
    best: ImageOption | None
    """The one that saves most and changes least; None where nothing saves."""


def image_advice(offer: Offer, workload: Workload, *, at: datetime) -> ImageAdvice | None:
    """Every resolution up to the one in use with every detail setting; None where the cost is unknown.

    Photos are never enlarged: a larger resolution is not offered.
    """
    now = cost_of(offer, workload, at=at).monthly_usd
    if now is None or not any(work.images for work in workload.features):
        return None
    options = [
        ImageOption(other.size.name, other.detail, tokens, cost, to_usd(Fraction(now) - Fraction(cost)))
        for other in _alternatives(offer, workload)
        if (tokens := tokens_per_image(offer.provider, offer.model_id, other.size, other.detail).tokens)
        is not None
        and (cost := cost_of(offer, other, at=at).monthly_usd) is not None
    ]
    # Among equal costs a setting comes before a smaller photo, which would be lost for good.
    options.sort(key=lambda option: (option.monthly_usd, option.resolution != workload.size.name))
    saving = [o for o in options if o.saving_usd_per_month > 0]
    return ImageAdvice(offer.name, tuple(options), saving[0] if saving else None)


def _alternatives(offer: Offer, workload: Workload) -> Iterator[Workload]:
    for size in _sizes(workload.size):
        for detail in (None, *details_of(offer.provider, offer.model_id, size)):
            yield replace(workload, size=size, detail=detail)


def _sizes(current: ImageSize) -> list[ImageSize]:
    area = current.width_px * current.height_px
    smaller = [s for s in RESOLUTIONS.values() if s.width_px * s.height_px < area]
    return [*smaller, current]
