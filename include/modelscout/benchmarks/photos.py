"""Makes test photos whose content is known exactly: shapes, counts, places, text, charts, low light.

Beside what is drawn there are two real photos, which scikit-learn ships (CC BY 2.0; their authors are named
in its `datasets/images/README.txt`). They are read from the installed package and scaled down.
"""

from __future__ import annotations

import importlib.util
import io
import math
import random
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from modelscout.benchmarks.charts import Canvas, Chart, draw_chart
from modelscout.core.errors import ConfigurationError

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
PLACES: dict[str, tuple[int, int]] = {
    "top_left": (0, 0),
    "top": (1, 0),
    "top_right": (2, 0),
    "left": (0, 1),
    "middle": (1, 1),
    "right": (2, 1),
    "bottom_left": (0, 2),
    "bottom": (1, 2),
    "bottom_right": (2, 2),
}
"""Column and row of each of the nine places."""
SIZES = {"small": 0.12, "medium": 0.28, "large": 0.46}
"""Radius of a placed shape, as a share of its place."""
SAMPLES = ("china", "flower")
SAMPLE_LIMIT_PX = 640
LOW_LIGHT_BRIGHTNESS = 0.4
TEXT_ROOM = 0.25
"""Share of the photo's height that text has below shapes."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """Some equal shapes."""

    shape: str
    colour: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Placed:
    """One shape at one of the nine places."""

    place: str
    shape: str
    colour: str
    size: str = "medium"


@dataclass(frozen=True, slots=True)
class PhotoSpec:
    """What a photo shows. The same spec is drawn as the same pixels.

    The fields in the repr seed the arrangement of the shapes: a further field there would move the shapes of
    every photo that is drawn already.
    """

    shapes: tuple[Shapes, ...] = ()
    background: str = "white"
    text: str | None = None
    low_light: bool = False
    size_px: int = 192
    text_px: int | None = field(default=None, repr=False)
    placed: tuple[Placed, ...] = field(default=(), repr=False)
    chart: Chart | None = field(default=None, repr=False)
    sample: str | None = field(default=None, repr=False)

    @property
    def font_px(self) -> float:
        """Height of the text: as given, or such that a short word fills the photo or the room below shapes."""
        return self.text_px or self.size_px * (0.2 if self.shapes or self.placed else 0.3)

    @property
    def media_type(self) -> str:
        """The type of the bytes that `draw_photo` returns."""
        return "image/png" if self.sample is None else "image/jpeg"


@lru_cache(maxsize=512)
def draw_photo(spec: PhotoSpec) -> bytes:
    """The photo as PNG, a sample as JPEG. No shape covers another."""
    image = _draw(spec) if spec.sample is None else _open_sample(spec.sample, spec.size_px)
    if spec.low_light:
        image = ImageEnhance.Brightness(image).enhance(LOW_LIGHT_BRIGHTNESS)
    buffer = io.BytesIO()
    if spec.sample is None:
        image.save(buffer, format="PNG")
    else:
        image.save(buffer, format="JPEG", quality=75)
    return buffer.getvalue()


def text_size_px(text: str, font_px: float) -> tuple[float, float]:
    """Width and height of `text`, which may have several lines."""
    draw = ImageDraw.Draw(Image.new("L", (1, 1)))
    left, top, right, bottom = draw.textbbox((0, 0), text, font=ImageFont.load_default(size=font_px))
    return right - left, bottom - top


def _draw(spec: PhotoSpec) -> Image.Image:
    rng = random.Random(zlib.crc32(repr(spec).encode()))
    image = Image.new("RGB", (spec.size_px, spec.size_px), COLOURS[spec.background])
    draw = ImageDraw.Draw(image)
    height = spec.size_px if spec.text is None else int(spec.size_px * (1 - TEXT_ROOM))
    _draw_shapes(draw, spec, height, rng)
    for placed in spec.placed:
        _draw_placed(draw, placed, spec.size_px, height)
    if spec.chart is not None:
        paper = COLOURS[spec.background]
        draw_chart(Canvas(draw, spec.size_px, _ink(spec), paper, COLOURS), spec.chart)
    if spec.text is not None:
        _draw_text(draw, spec, height if spec.shapes or spec.placed else 0)
    return image


def _open_sample(name: str, size_px: int) -> Image.Image:
    """The photo from scikit-learn's folder; the package itself is not imported, which would take a second."""
    found = importlib.util.find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise ConfigurationError(f"sample {name!r} needs scikit-learn: install modelscout[pipeline]")
    path = Path(found.submodule_search_locations[0], "datasets", "images", f"{name}.jpg")
    with Image.open(path) as stored:
        image = stored.convert("RGB")
    image.thumbnail((size_px, size_px))
    return image


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


def _draw_placed(draw: ImageDraw.ImageDraw, placed: Placed, width: int, height: int) -> None:
    column, row = PLACES[placed.place]
    centre = ((column + 0.5) * width / 3, (row + 0.5) * height / 3)
    radius = SIZES[placed.size] * min(width, height) / 3
    _draw_shape(draw, placed.shape, COLOURS[placed.colour], centre, radius)


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
    font = ImageFont.load_default(size=spec.font_px)
    centre = (spec.size_px / 2, (top + spec.size_px) / 2)
    draw.text(centre, spec.text or "", fill=_ink(spec), font=font, anchor="mm", align="center")


def _ink(spec: PhotoSpec) -> tuple[int, int, int]:
    return COLOURS["white" if sum(COLOURS[spec.background]) < 400 else "black"]
