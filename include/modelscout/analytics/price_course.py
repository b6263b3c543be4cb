"""How the price of one model's own mix of tokens moves over time: past changes and scheduled ones."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

from modelscout.analytics.calculator_models import KnownModel
from modelscout.core.types import Processing, TokenUsage
from modelscout.costs.calculator import billable
from modelscout.costs.pricing import PricedCall, price_usage, select_price
from modelscout.warehouse.engine import Row


def usage_of(row: Row) -> TokenUsage:
    """The token sums of a row."""
    return TokenUsage(**{f.name: row[f.name] for f in fields(TokenUsage)})


def quote(
    model: KnownModel,
    usage: TokenUsage,
    requests: int,
    day: date,
    *,
    processing: Processing = Processing.STANDARD,
) -> PricedCall:
    """What `requests` of this usage together cost at noon of a day (UTC), in the vendor's own way of caching.

    The tier is that of the mean request; within a tier the cost of sums is the sum of costs.
    """
    at = datetime.combine(day, time(12), UTC)
    mean = usage.input_tokens // max(requests, 1)
    row = select_price(model.rows, at=at, processing=processing, input_tokens=mean)
    if row is None:
        return price_usage(usage, (), at=at, processing=processing)
    only = (replace(row, above_input_tokens=0),)
    return price_usage(billable(usage, row), only, at=at, processing=processing)


class PriceCourse:
    """Prices of a mix relative to those of one day."""

    def __init__(self, model: KnownModel | None, mix: TokenUsage, requests: int, today: date) -> None:
        """`mix` sums so many requests. A model that nobody knows has no prices."""
        self._model, self._mix, self._requests = model, mix, requests
        self._changes = sorted({r.valid_from.date() for r in model.rows}) if model else []
        self._seen: dict[date | None, Decimal | None] = {}
        self._now = self._rate(today)

    def relative(self, day: date) -> Decimal | None:
        """What the mix costs on a day, 1 being today's; None where either price is unknown or nothing costs."""
        then = self._rate(day)
        return then / self._now if then is not None and self._now else None

    def changes(self, first_day: date, last_day: date) -> list[date]:
        """Days within the range from which another price of the model holds."""
        return [day for day in self._changes if first_day <= day <= last_day]

    def _rate(self, day: date) -> Decimal | None:
        since = max((change for change in self._changes if change <= day), default=None)
        if since not in self._seen:
            self._seen[since] = self._quoted(day)
        return self._seen[since]

    def _quoted(self, day: date) -> Decimal | None:
        return quote(self._model, self._mix, self._requests, day).cost_usd if self._model else None
