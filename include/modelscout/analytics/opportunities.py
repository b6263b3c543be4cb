"""Where the same work could cost less: each way with its saving a month and what it assumes.

Everything is at list or negotiated standard prices of today and on the tokens of the last days. A price that is
unknown makes the saving unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection

from modelscout.analytics.calculator_models import KnownModel, shelf_from_warehouse
from modelscout.analytics.calculator_usage import WINDOW_DAYS, FeatureUsage, ModelUsage, read_usage
from modelscout.analytics.price_course import quote
from modelscout.core.types import Processing, TokenUsage

DAYS_PER_MONTH = 30
REPEATED_SHARE = Decimal("0.5")
LEAST_CACHED_TOKENS = 1024
"""OpenAI, Anthropic and Google cache prompts from about this length on (their documentation of prompt caching)."""
SHORTER_OUTPUT = Decimal("0.2")
SMALLER_IMAGES = Decimal("0.5")


class Way(StrEnum):
    """What could be done."""

    PROMPT_CACHING = "prompt_caching"
    BATCH = "batch"
    IMAGE_DETAIL = "image_detail"
    OUTPUT_LENGTH = "output_length"


@dataclass(frozen=True, slots=True)
class Opportunity:
    """One way on one feature and model."""

    feature: str
    model: str
    way: Way
    saving_usd_per_month: Decimal | None
    """None is unknown, and `reason` says why."""
    requests_per_month: int
    assumption: str
    """What has to hold for this saving."""
    reason: str | None
    simulated: bool


class _Change(NamedTuple):
    """The window's requests, done in another way."""

    way: Way
    usage: TokenUsage
    assumption: str
    processing: Processing = Processing.STANDARD


def opportunities(connection: Connection, organization_id: str, *, now: datetime) -> tuple[Opportunity, ...]:
    """Every way that could save, the greatest saving first, unknown ones last. Savings of several do not add up."""
    shelf = shelf_from_warehouse(connection, organization_id)
    found = [
        opportunity
        for feature in read_usage(connection, organization_id, now=now).values()
        for usage in feature.models
        if usage.requests
        for opportunity in _of_model(feature, usage, shelf.get(usage.provider, usage.model_id), now)
    ]
    worth = [o for o in found if o.saving_usd_per_month is None or o.saving_usd_per_month > 0]
    return tuple(
        sorted(
            worth, key=lambda o: (o.saving_usd_per_month is None, -(o.saving_usd_per_month or 0), o.feature)
        )
    )


def _of_model(
    feature: FeatureUsage, usage: ModelUsage, model: KnownModel | None, now: datetime
) -> Iterator[Opportunity]:
    # A feature that is younger than the window has fewer days to scale from.
    days = min(WINDOW_DAYS, (now.date() - feature.first_day).days + 1)
    for change in _changes(usage.usage, usage.requests):
        saving, reason = _saving(model, usage, change, now)
        yield Opportunity(
            feature=feature.feature,
            model=f"{usage.provider}/{usage.model_id}",
            way=change.way,
            saving_usd_per_month=None
            if saving is None
            else (saving * DAYS_PER_MONTH / days).quantize(Decimal("0.01")),
            requests_per_month=usage.requests * DAYS_PER_MONTH // days,
            assumption=change.assumption,
            reason=reason,
            simulated=feature.simulated,
        )


def _changes(total: TokenUsage, requests: int) -> Iterator[_Change]:
    """The same requests after each change that they leave room for."""
    text_tokens = total.input_tokens - total.image_tokens
    knows_text = total.image_count == 0 or total.image_tokens > 0
    repeated = int(text_tokens * REPEATED_SHARE)
    if knows_text and repeated >= LEAST_CACHED_TOKENS * requests and total.cache_read_tokens < repeated // 2:
        yield _Change(
            Way.PROMPT_CACHING,
            replace(total, cache_read_tokens=repeated, cache_write_tokens=0, cache_write_1h_tokens=0),
            f"the first half of the text ({repeated // requests} tokens) is the same in every request and read from "
            "the cache each time; writes are few enough to leave out",
        )
    yield _Change(Way.BATCH, total, "answers may take a day", processing=Processing.BATCH)
    fewer = int(total.image_tokens * SMALLER_IMAGES)
    smaller = replace(total, input_tokens=total.input_tokens - fewer, image_tokens=total.image_tokens - fewer)
    if fewer and smaller.cache_read_tokens + smaller.cache_write_tokens <= smaller.input_tokens:
        yield _Change(
            Way.IMAGE_DETAIL,
            smaller,
            "images of half as many tokens (lower detail or smaller) are good enough: try it on samples first",
        )
    shorter = int((total.output_tokens - total.reasoning_tokens) * SHORTER_OUTPUT)
    if shorter > 0:
        yield _Change(
            Way.OUTPUT_LENGTH,
            replace(total, output_tokens=total.output_tokens - shorter),
            f"answers can be a fifth shorter ({shorter // requests} tokens), reasoning aside",
        )


def _saving(
    model: KnownModel | None, usage: ModelUsage, change: _Change, now: datetime
) -> tuple[Decimal | None, str | None]:
    """USD that the window's requests would have cost less, or why that is unknown."""
    if model is None:
        return None, "nobody knows this model's prices"
    today = now.date()
    before = quote(model, usage.usage, usage.requests, today)
    after = quote(model, change.usage, usage.requests, today, processing=change.processing)
    if before.cost_usd is None or after.cost_usd is None:
        return None, before.reason or after.reason
    if change.processing is Processing.BATCH:
        return _paid(usage, before.cost_usd) - after.cost_usd, None
    # Where a part goes by batch already, its tokens are worth less.
    worth = _paid(usage, before.cost_usd) / before.cost_usd if before.cost_usd else Decimal(1)
    return (before.cost_usd - after.cost_usd) * worth, None


def _paid(usage: ModelUsage, standard_usd: Decimal) -> Decimal:
    """What was paid where that is known and less than the standard price: by batch in part, or at an earlier price."""
    if usage.cost_usd is None or usage.unpriced_requests:
        return standard_usd
    return min(usage.cost_usd, standard_usd)
