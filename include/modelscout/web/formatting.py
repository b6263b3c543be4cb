"""Figures for people. What is unknown is a dash, never a zero."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

UNKNOWN = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
VERDICTS = {
    "switch": "Switch",
    "migrate": "Migrate",
    "keep": "Keep",
    "trial": "Try",
    "insufficient_evidence": "Too little known",
}


def money(value: float | Decimal | None) -> str:
    """Dollars and cents; amounts under a cent with two significant digits."""
    if value is None:
        return UNKNOWN
    amount = abs(float(value))
    sign = MINUS if value < 0 else ""
    if 0 < amount < 0.01:
        places = min(12, 1 - math.floor(math.log10(amount)))
        return f"{sign}${amount:.{places}f}"
    return f"{sign}${amount:,.2f}"


def exact_money(value: Decimal | None) -> str:
    """Dollars with all decimals that there are, two at least: for what is compared digit by digit."""
    if value is None:
        return UNKNOWN
    places = max(2, -int(value.as_tuple().exponent))
    return f"{MINUS if value < 0 else ''}${abs(value):,.{places}f}"


def percent(share: float | None) -> str:
    """A share of 1 as percent with one decimal."""
    return UNKNOWN if share is None else f"{100 * share:.1f} %".replace("-", MINUS)


def signed_percent(change: float | Decimal | None) -> str:
    """A change as percent with its sign: -0.05 is five percent less."""
    return UNKNOWN if change is None else f"{100 * float(change):+.1f} %".replace("-", MINUS)


def points(difference: float | None) -> str:
    """A difference of two shares in percentage points, with its sign."""
    return UNKNOWN if difference is None else f"{100 * difference:+.1f} points".replace("-", MINUS)


def count(value: float | Decimal | None) -> str:
    """A whole number with thousands separated."""
    return UNKNOWN if value is None else f"{value:,.0f}".replace("-", MINUS)


def milliseconds(value: float | None) -> str:
    """A duration: milliseconds below ten seconds, seconds from there."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f} ms" if value < 10_000 else f"{value / 1000:,.1f} s"


def tokens(value: int | None) -> str:
    """A token limit, shortened: 128,000 is 128K, 1,050,000 is 1.05M."""
    if value is None:
        return UNKNOWN
    if value >= 1_000_000:
        return f"{value / 1_000_000:.2f}".rstrip("0").rstrip(".") + "M"
    return f"{value / 1000:.0f}K" if value >= 1000 else str(value)


def day(value: date | datetime | None) -> str:
    """A day, such as 3 Dec 2026; of a time its day in UTC."""
    return UNKNOWN if value is None else f"{value.day} {value:%b %Y}"


def moment(value: datetime | None) -> str:
    """A day and time in UTC, such as 3 Dec 2026, 04:05."""
    return UNKNOWN if value is None else f"{day(value)}, {value:%H:%M}"


def change(share: float | None) -> str:
    """How much more or less, of a share of 1, with its sign."""
    return UNKNOWN if share is None else f"{100 * share:+.1f} %".replace("-", MINUS)


def clock(value: datetime | None) -> str:
    """The time of day to the second, in UTC."""
    return UNKNOWN if value is None else f"{value.astimezone(UTC):%H:%M:%S}"


def verdict(value: str) -> str:
    """A verdict in words."""
    return VERDICTS.get(value, words(value))


def words(identifier: str) -> str:
    """An identifier such as text_generation in words."""
    text = identifier.replace("_", " ")
    return text[:1].upper() + text[1:]


FILTERS: dict[str, Any] = {
    "money": money,
    "exact_money": exact_money,
    "percent": percent,
    "signed_percent": signed_percent,
    "points": points,
    "count_of": count,
    "milliseconds": milliseconds,
    "tokens": tokens,
    "day": day,
    "moment": moment,
    "change": change,
    "clock": clock,
    "verdict": verdict,
    "words": words,
}
