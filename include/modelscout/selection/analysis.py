"""What kind of work some photos or requests are, told from their size and number. Calls no model."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelscout.core.types import Capability
from modelscout.selection.workload import Accuracy, Complexity, Sensitivity, Urgency, Volume, Workload

Image = bytes | Path | tuple[int, int]
"""The file's content, where it lies, or its width and height in pixels."""

CHARACTERS_PER_TOKEN = 4
"""Of English prose; other languages and code have fewer."""
PIXELS_PER_IMAGE_TOKEN = 750
"""Anthropic's formula; the others are near it (docs/calculator.md has each vendor's own)."""
MOST_TOKENS_OF_AN_IMAGE = 1_600
LARGE_CONTEXT_TOKENS = 200_000
REAL_TIME_S = 10.0
"""A person waits."""
NEAR_REAL_TIME_S = 900.0
LIGHT_REQUESTS = 10
MODERATE_REQUESTS = 1_000
"""More is heavy, and without a deadline it is a batch from a tenth of it on."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as far as its kind of work goes."""

    text: str = ""
    images: Sequence[Image] = ()
    structured: bool = False
    """The answer must fit a JSON schema."""
    tools: bool = False


def analyze_workload(
    requests: Iterable[Request | Image | str],
    feature: str,
    *,
    deadline_s: float | None = None,
    accuracy: Accuracy = "standard",
    cost_sensitivity: Sensitivity = "medium",
) -> Workload:
    """The characteristics of photos, texts or whole requests that are about to be made for `feature`.

    `deadline_s` is when all answers must be there, counted from now; without one, chat counts as a person waiting and
    many requests as a batch. Sizes of photos are read from their headers where Pillow is installed.
    """
    sizes = [_size(item if isinstance(item, Request) else _request(item)) for item in requests]
    number = max(1, len(sizes))
    tokens = max((s.tokens for s in sizes if s.tokens is not None), default=None)
    urgency = _urgency(feature, number, deadline_s)
    return Workload(
        complexity=_complexity(sizes),
        volume=_volume(number),
        urgency=urgency,
        accuracy=accuracy,
        cost_sensitivity=cost_sensitivity,
        requires=frozenset[str]().union(*(s.requires for s in sizes)),
        requests=number,
        input_tokens=tokens,
        deadline_ms=1000 * deadline_s if deadline_s is not None and urgency != "batch" else None,
    )


@dataclass(frozen=True, slots=True)
class _Size:
    tokens: int | None
    images: int
    megapixels: float
    requires: frozenset[str]
    points: int


def _request(item: Image | str) -> Request:
    return Request(text=item) if isinstance(item, str) else Request(images=(item,))


def _size(request: Request) -> _Size:
    pixels = [_pixels(image) for image in request.images]
    known = [p for p in pixels if p is not None]
    image_tokens = sum(min(MOST_TOKENS_OF_AN_IMAGE, p // PIXELS_PER_IMAGE_TOKEN + 1) for p in known)
    text_tokens = -(-len(request.text) // CHARACTERS_PER_TOKEN)
    complete = len(known) == len(pixels)
    needs = {
        Capability.IMAGE_ANALYSIS: bool(request.images),
        Capability.STRUCTURED_OUTPUT: request.structured,
        Capability.TOOL_USE: request.tools,
        Capability.LARGE_CONTEXT: text_tokens + image_tokens > LARGE_CONTEXT_TOKENS,
    }
    megapixels = max(known, default=0) / 1e6
    points = (text_tokens >= 1_500) + (text_tokens >= 8_000) + (len(pixels) >= 3) + (megapixels >= 8)
    return _Size(
        tokens=text_tokens + image_tokens if complete else None,
        images=len(pixels),
        megapixels=megapixels,
        requires=frozenset(c.value for c, needed in needs.items() if needed),
        points=points + request.structured + request.tools,
    )


def _pixels(image: Image) -> int | None:
    """Width times height; None where the header cannot be read."""
    if isinstance(image, tuple):
        return image[0] * image[1]
    try:
        from PIL import Image as Pillow
        from PIL import UnidentifiedImageError
    except ImportError:
        return None
    try:
        with Pillow.open(io.BytesIO(image) if isinstance(image, bytes) else image) as opened:
            return opened.width * opened.height
    except (UnidentifiedImageError, OSError, Pillow.DecompressionBombError):
        return None


def _complexity(sizes: Sequence[_Size]) -> Complexity:
    """Of the hardest request: one model answers them all."""
    points = max((size.points for size in sizes), default=0)
    return "low" if points == 0 else "medium" if points <= 2 else "high"


def _volume(number: int) -> Volume:
    return "light" if number <= LIGHT_REQUESTS else "moderate" if number <= MODERATE_REQUESTS else "heavy"


def _urgency(feature: str, number: int, deadline_s: float | None) -> Urgency:
    if deadline_s is None:
        if number > MODERATE_REQUESTS // 10:
            return "batch"
        return "real-time" if feature == "chat" else "near-real-time"
    return (
        "real-time"
        if deadline_s <= REAL_TIME_S
        else "near-real-time"
        if deadline_s <= NEAR_REAL_TIME_S
        else "batch"
    )
