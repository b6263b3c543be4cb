"""What a call costs, in exact decimals. The SQL twin computes the same; docs/prices.md holds the rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal, localcontext
from typing import NamedTuple

from modelscout.core.types import Processing, TokenUsage
from modelscout.costs.prices import PriceRow

_PER_MILLION = Decimal(-6)
# Wide enough that no product or sum of token counts and prices is ever rounded.
_EXACT = Context(prec=200)


@dataclass(frozen=True, slots=True)
class PricedCall:
    """The price of one call. `cost_usd` None means unknown, and `reason` says why."""

    cost_usd: Decimal | None
    price: PriceRow | None
    estimated: bool
    reason: str | None


class _Item(NamedTuple):
    label: str
    quantity: int
    unit_usd: Decimal | None
    scale: Decimal
    """Power of ten that the price is quoted per."""


def select_price(
    rows: Sequence[PriceRow], *, at: datetime, processing: Processing, input_tokens: int
) -> PriceRow | None:
    """The row that holds for a call, or None.

    Of the rows of this processing that are valid at `at`, the latest `valid_from` wins, and of these the
    highest tier that `input_tokens` exceed (the base tier always counts). Among equals the first row wins, so
    a caller puts negotiated prices before general ones; negotiated prices that shall hide general ones of a
    later date are passed alone.
    """
    current = [row for row in rows if row.processing is processing and row.valid_from <= at]
    if not current:
        return None
    latest = max(row.valid_from for row in current)
    tiers = [
        row
        for row in current
        if row.valid_from == latest and (row.above_input_tokens == 0 or input_tokens > row.above_input_tokens)
    ]
    return max(tiers, key=lambda row: row.above_input_tokens, default=None)


def price_usage(
    usage: TokenUsage,
    rows: Sequence[PriceRow],
    *,
    at: datetime,
    processing: Processing = Processing.STANDARD,
) -> PricedCall:
    """Price `usage` with the rows of one model as of `at` (timezone-aware).

    Every kind of token that occurs needs its own price; where one is missing the cost is unknown.
    """
    if at.tzinfo is None:
        raise ValueError(f"at={at.isoformat()} has no timezone: pass an aware datetime such as one in UTC")
    problem = _inconsistency(usage)
    if problem is not None:
        return PricedCall(None, None, estimated=False, reason=problem)
    row = select_price(rows, at=at, processing=processing, input_tokens=usage.input_tokens)
    if row is None:
        reason = f"no price for {processing.value} processing at {at.isoformat()}"
        return PricedCall(None, None, estimated=False, reason=reason)
    items = [item for item in _items(usage, row) if item.quantity]
    missing = [item.label for item in items if item.unit_usd is None]
    if missing:
        reason = f"no price for {', '.join(missing)}"
        return PricedCall(None, row, estimated=row.estimated, reason=reason)
    if row.operation_usd is not None and usage.image_count and not usage.operations:
        reason = "operations is 0 although images were processed by a model that is billed per operation"
        return PricedCall(None, row, estimated=row.estimated, reason=reason)
    return PricedCall(_total(items), row, estimated=row.estimated, reason=None)


def _items(usage: TokenUsage, row: PriceRow) -> Iterator[_Item]:
    uncached = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
    short_write = usage.cache_write_tokens - usage.cache_write_1h_tokens
    for label, count, price in (
        ("input tokens", uncached, row.input_usd_per_million_tokens),
        ("cache read tokens", usage.cache_read_tokens, row.cache_read_usd_per_million_tokens),
        ("cache write tokens", short_write, row.cache_write_usd_per_million_tokens),
        (
            "one-hour cache write tokens",
            usage.cache_write_1h_tokens,
            row.cache_write_1h_usd_per_million_tokens,
        ),
        ("output tokens", usage.output_tokens, row.output_usd_per_million_tokens),
    ):
        yield _Item(label, count, price, _PER_MILLION)
    yield _Item("operations", usage.operations, row.operation_usd, Decimal(0))
    if row.image_usd is not None:
        yield _Item("images", usage.image_count, row.image_usd, Decimal(0))


def _inconsistency(usage: TokenUsage) -> str | None:
    counts = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cache_write_1h_tokens": usage.cache_write_1h_tokens,
        "image_count": usage.image_count,
        "operations": usage.operations,
    }
    for name, count in counts.items():
        if count < 0:
            return f"{name} is negative"
    if usage.cache_write_1h_tokens > usage.cache_write_tokens:
        return "cache_write_1h_tokens exceed cache_write_tokens, of which they are a part"
    if usage.cache_read_tokens + usage.cache_write_tokens > usage.input_tokens:
        return "cache_read_tokens and cache_write_tokens exceed input_tokens, of which they are a part"
    return None


def _total(items: Sequence[_Item]) -> Decimal:
    with localcontext(_EXACT):
        total = Decimal(0)
        for item in items:
            if item.unit_usd is not None:
                total += (Decimal(item.quantity) * item.unit_usd).scaleb(item.scale)
        return total
