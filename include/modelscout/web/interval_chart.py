"""Where a candidate's quality lies against the margin, as numbers for a small drawing."""

from __future__ import annotations

from dataclasses import dataclass

WIDTH = 240
PADDING = 8


@dataclass(frozen=True, slots=True)
class IntervalChart:
    """Horizontal places in a drawing that is WIDTH wide."""

    low: float
    high: float
    effect: float
    zero: float
    margin: float
    width: int = WIDTH


def draw(
    lower_bound: float | None, effect: float | None, upper_bound: float | None, margin: float | None
) -> IntervalChart | None:
    """The drawing of one interval; None where a figure is unknown. Figures are shares of 1."""
    if lower_bound is None or effect is None or upper_bound is None or margin is None:
        return None
    first = min(lower_bound, -margin, 0.0)
    last = max(upper_bound, margin, 0.0)
    scale = (WIDTH - 2 * PADDING) / (last - first) if last > first else 0.0

    def place(value: float) -> float:
        return round(PADDING + (value - first) * scale, 1)

    return IntervalChart(
        low=place(lower_bound),
        high=place(upper_bound),
        effect=place(effect),
        zero=place(0.0),
        margin=place(-margin),
    )
