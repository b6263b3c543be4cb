"""What every part of the page and the JSON API builds on. Times in UTC, money in USD."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Shown(BaseModel):
    """What is answered: exactly the fields that are documented."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Stored(BaseModel):
    """Out of stored JSON, which may hold more than is shown."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)


class Asked(BaseModel):
    """What a caller sends: an unknown field is an error that names it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Interval(Stored):
    """An estimate with its 90 % interval."""

    estimate: float
    low: float
    high: float


class Collection(Shown, Generic[T]):
    """One part of a list."""

    items: list[T]
    next: str | None
    """Give it as `after` to get the part that follows; null at the end."""


class Problem(BaseModel):
    """An error, as problem details (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str


def interval(value: Any) -> Interval | None:
    """An interval out of stored JSON; None where it is unknown."""
    return Interval.model_validate(value) if value else None
