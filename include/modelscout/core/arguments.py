"""Readers of what people write: values of command line options and of addresses. Errors name the option and remedy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from modelscout.core.errors import ConfigurationError


def names(text: str | None, option: str) -> tuple[str, ...]:
    """`a,b` as names, each once; none where the option was not given."""
    if text is None:
        return ()
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not found:
        raise ConfigurationError(f"{option} is empty: give names separated by commas")
    return found


def amount(text: str, option: str) -> Decimal:
    """An amount of at least 0."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ConfigurationError(f"{option}={text!r} is not a number: write it such as 12.50") from None
    if not value.is_finite() or value < 0:
        raise ConfigurationError(f"{option}={text!r} is out of range: give a number of at least 0")
    return value


def whole(text: str, option: str) -> int:
    """A whole number of at least 0; digits may be grouped by `_` or `,`."""
    digits = text.replace("_", "").replace(",", "")
    if not (digits.isascii() and digits.isdecimal()):
        raise ConfigurationError(f"{option}={text!r} is not a whole number of at least 0")
    return int(digits)


def day(text: str, option: str) -> date:
    """A day as 2026-12-01."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{option}={text!r} is not a day: write it as 2026-12-01") from None


def counts(values: Sequence[str] | None, option: str) -> dict[str, int]:
    """`N` for every name or `NAME=N` for one; the empty name stands for every other."""
    found: dict[str, int] = {}
    for value in values or ():
        name, _, number = value.rpartition("=")
        found[name.strip()] = whole(number, option)
    return found


def amounts(values: Sequence[str] | None, option: str) -> dict[str, Decimal]:
    """`NAME=AMOUNT`, any number of times."""
    found: dict[str, Decimal] = {}
    for value in values or ():
        name, separator, number = value.rpartition("=")
        if not separator or not name.strip():
            raise ConfigurationError(f"{option}={value!r} has no name: write NAME=AMOUNT")
        found[name.strip()] = amount(number, option)
    return found


def weights(text: str, option: str) -> dict[str, Decimal]:
    """`a,b=0.5` as names with an amount, 1 where none is given."""
    found: dict[str, Decimal] = {}
    for part in names(text, option):
        name, separator, number = part.partition("=")
        found[name.strip()] = amount(number, option) if separator else Decimal(1)
    return found
