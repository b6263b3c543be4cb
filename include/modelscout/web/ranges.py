"""Estimates with their intervals as places in small drawings that share one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelscout.web.schemas.common import Interval

WIDTH = 240
PADDING = 8


@dataclass(frozen=True, slots=True)
class Range:
    """Horizontal places in a drawing that is WIDTH wide."""

    low: float
    estimate: float
    high: float
    zero: float | None
    """None where nothing is the beginning of the scale, or lies outside it."""
    width: int = WIDTH


@dataclass(frozen=True, slots=True)
class Drawn:
    """One estimate and its drawing; both None where it is unknown."""

    value: Interval | None
    range: Range | None


def side_by_side(values: Sequence[Interval | None], *, around_zero: bool = False) -> list[Drawn]:
    """The drawings of `values` on one scale; `around_zero` keeps zero in sight."""
    known = [value for value in values if value is not None]
    if not known:
        return [Drawn(None, None) for _ in values]
    first = min(min(v.low, v.estimate) for v in known)
    last = max(max(v.high, v.estimate) for v in known)
    if around_zero:
        first, last = min(first, 0.0), max(last, 0.0)
    scale = (WIDTH - 2 * PADDING) / (last - first) if last > first else 0.0

    def place(value: float) -> float:
        return round(PADDING + (value - first) * scale, 1)

    zero = place(0.0) if around_zero else None
    return [
        Drawn(v, Range(place(v.low), place(v.estimate), place(v.high), zero) if v is not None else None)
        for v in values
    ]
