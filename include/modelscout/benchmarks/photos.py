"""Draws test photos whose content is known exactly: shapes, counts, colours, text, low light."""

from __future__ import annotations

import io
import math
import random
import zlib
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageEnhance, ImageFont

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 40, 40),
    "green": (42, 157, 78),
    "blue": (38, 84, 214),
    "yellow": (244, 208, 38),
    "orange": (245, 132, 22),
    "purple": (126, 58, 168),
    "black": (20, 20, 20),
    "white": (250, 250, 250),
    "grey": (150, 150, 150),
}
SHAPES = ("circle", "square", "triangle", "star")
LOW_LIGHT_BRIGHTNESS = 0.4


@dataclass(frozen=True, slots=True)
class Shapes:
    """Some equal shapes."""

    shape: str
    colour: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class PhotoSpec:
    """What a photo shows. The same spec is drawn as the same pixels."""

    shapes: tuple[Shapes, ...] = ()
    background: str = "white"
    text: str | None = None
    low_light: bool = False
    size_px: int = 192


@lru_cache(maxsize=512)
def draw_photo(spec: PhotoSpec) -> bytes:
    """The photo as PNG. Shapes stand in the cells of a grid, so that none covers another."""
    rng = random.Random(zlib.crc32(repr(spec).encode()))
    image = Image.new("RGB", (spec.size_px, spec.size_px), COLOURS[spec.background])
    draw = ImageDraw.Draw(image)
    height = spec.size_px if spec.text is None else int(spec.size_px * 0.75)
    _draw_shapes(draw, spec, height, rng)
    if spec.text is not None:
        _draw_text(draw, spec, height if spec.shapes else 0)
    if spec.low_light:
        image = ImageEnhance.Brightness(image).enhance(LOW_LIGHT_BRIGHTNESS)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def _draw_shapes(draw: ImageDraw.ImageDraw, spec: PhotoSpec, height: int, rng: random.Random) -> None:
    todo = [(group.shape, group.colour) for group in spec.shapes for _ in range(group.count)]
    if not todo:
        return
    columns = math.ceil(math.sqrt(len(todo)))
    rows = math.ceil(len(todo) / columns)
    cell = min(spec.size_px / columns, height / rows)
    cells = rng.sample(range(columns * rows), len(todo))
    for (shape, colour), index in zip(todo, cells, strict=True):
        row, column = divmod(index, columns)
        radius = cell * rng.uniform(0.28, 0.42)
        _draw_shape(draw, shape, COLOURS[colour], ((column + 0.5) * cell, (row + 0.5) * cell), radius)


def _draw_shape(
    draw: ImageDraw.ImageDraw,
    shape: str,
    fill: tuple[int, int, int],
    centre: tuple[float, float],
    radius: float,
) -> None:
    x, y = centre
    if shape == "circle":
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
    elif shape == "square":
        draw.rectangle((x - radius, y - radius, x + radius, y + radius), fill=fill)
    else:
        corners, inner = (3, 1.0) if shape == "triangle" else (10, 0.45)
        points = []
        for corner in range(corners):
            reach = radius * (inner if corner % 2 else 1.0)
            angle = 2 * math.pi * corner / corners - math.pi / 2
            points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
        draw.polygon(points, fill=fill)


def _draw_text(draw: ImageDraw.ImageDraw, spec: PhotoSpec, top: int) -> None:
    dark = sum(COLOURS[spec.background]) < 400
    font = ImageFont.load_default(size=spec.size_px * (0.2 if spec.shapes else 0.3))
    centre = (spec.size_px / 2, (top + spec.size_px) / 2)
    draw.text(centre, spec.text or "", fill=COLOURS["white" if dark else "black"], font=font, anchor="mm")
