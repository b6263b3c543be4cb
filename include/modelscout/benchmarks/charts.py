"""Draws simple charts with exact values: bars, a line, a pie."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from PIL import ImageDraw, ImageFont

Colour = tuple[int, int, int]

CHART_KINDS = ("bar", "line", "pie")
TEXT_SHARE = 0.055
"""Height of a chart's text, as a share of the photo."""
GRID = (170, 170, 170)
_LEFT, _TOP, _RIGHT, _BOTTOM = 0.14, 0.1, 0.97, 0.87


@dataclass(frozen=True, slots=True)
class Chart:
    """Labelled values. `colours` has one colour for all or one for each label."""

    kind: str
    labels: tuple[str, ...]
    values: tuple[int, ...]
    colours: tuple[str, ...] = ("blue",)
    show_values: bool = True

    def colour_of(self, index: int) -> str:
        """The colour of the bar, point or slice at `index`."""
        return self.colours[index % len(self.colours)]


@dataclass(frozen=True, slots=True)
class Canvas:
    """What a chart is drawn on."""

    draw: ImageDraw.ImageDraw
    size_px: int
    ink: Colour
    paper: Colour
    palette: Mapping[str, Colour]

    def write(
        self, at: tuple[float, float], text: str, share: float = TEXT_SHARE, anchor: str = "mm"
    ) -> None:
        """Text that stays readable on a line."""
        font = ImageFont.load_default(size=self.size_px * share)
        self.draw.text(
            at, text, fill=self.ink, font=font, anchor=anchor, stroke_width=2, stroke_fill=self.paper
        )


def draw_chart(canvas: Canvas, chart: Chart) -> None:
    """Draw `chart` over the whole canvas. The same chart is drawn as the same pixels."""
    if chart.kind == "pie":
        _draw_pie(canvas, chart)
        return
    _draw_axes(canvas, chart)
    points = list(_points(canvas.size_px, chart))
    if chart.kind == "bar":
        _draw_bars(canvas, chart, points)
    else:
        _draw_line(canvas, chart, points)
    _label(canvas, chart, points)


def axis_step(highest: int) -> int:
    """The distance of two grid lines: 1, 2 or 5 times a power of ten, so that six at most are needed."""
    step = 1
    for factor in (2, 2.5, 2) * 6:
        if highest <= 6 * step:
            break
        step = int(step * factor)
    return step


def _axis_end(chart: Chart) -> int:
    step = axis_step(max(chart.values))
    return step * math.ceil(max(chart.values) / step)


def _points(size: int, chart: Chart) -> Iterator[tuple[float, float]]:
    """Where the top of each bar stands, or the point of a line."""
    slot = (_RIGHT - _LEFT) * size / len(chart.labels)
    end = _axis_end(chart)
    for index, value in enumerate(chart.values):
        yield _LEFT * size + (index + 0.5) * slot, _height(size, value / end)


def _height(size: int, share: float) -> float:
    return size * (_BOTTOM - share * (_BOTTOM - _TOP))


def _draw_axes(canvas: Canvas, chart: Chart) -> None:
    size, end = canvas.size_px, _axis_end(chart)
    for value in range(0, end + 1, axis_step(max(chart.values))):
        y = _height(size, value / end)
        canvas.draw.line((_LEFT * size, y, _RIGHT * size, y), fill=canvas.ink if value == 0 else GRID)
        canvas.write((_LEFT * size - 5, y), str(value), TEXT_SHARE * 0.9, "rm")


def _draw_bars(canvas: Canvas, chart: Chart, points: list[tuple[float, float]]) -> None:
    half = 0.32 * (_RIGHT - _LEFT) * canvas.size_px / len(points)
    floor = _BOTTOM * canvas.size_px
    for index, (x, y) in enumerate(points):
        fill = canvas.palette[chart.colour_of(index)]
        canvas.draw.rectangle((x - half, y, x + half, floor), fill=fill)


def _draw_line(canvas: Canvas, chart: Chart, points: list[tuple[float, float]]) -> None:
    fill = canvas.palette[chart.colour_of(0)]
    canvas.draw.line(points, fill=fill, width=max(2, canvas.size_px // 110))
    radius = canvas.size_px / 64
    for x, y in points:
        canvas.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _label(canvas: Canvas, chart: Chart, points: list[tuple[float, float]]) -> None:
    """Labels below the axis, narrow enough for their slots, and the values above the points."""
    size = canvas.size_px
    widest = max(ImageFont.load_default(size=size * TEXT_SHARE).getlength(label) for label in chart.labels)
    slot = (_RIGHT - _LEFT) * size / len(chart.labels)
    share = TEXT_SHARE * min(1.0, 0.88 * slot / widest)
    for (x, y), label, value in zip(points, chart.labels, chart.values, strict=True):
        canvas.write((x, (_BOTTOM + 0.06) * size), label, share)
        if chart.show_values:
            canvas.write((x, y - 0.045 * size), str(value))


def _draw_pie(canvas: Canvas, chart: Chart) -> None:
    size, centre = canvas.size_px, canvas.size_px / 2
    radius = 0.29 * size
    box = (centre - radius, centre - radius, centre + radius, centre + radius)
    start = -90.0
    for index, (label, value) in enumerate(zip(chart.labels, chart.values, strict=True)):
        end = start + 360 * value / sum(chart.values)
        canvas.draw.pieslice(box, start, end, fill=canvas.palette[chart.colour_of(index)])
        middle = math.radians((start + end) / 2)
        at = (centre + 0.4 * size * math.cos(middle), centre + 0.4 * size * math.sin(middle))
        canvas.write(at, f"{label} {value}" if chart.show_values else label, TEXT_SHARE * 0.9)
        start = end
