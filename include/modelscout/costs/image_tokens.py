"""How many input tokens one image costs, per model family, resolution and detail; in exact fractions.

The formulas come from the vendors' vision guides and were held against the measured table
`JOHNISKING/image-token-cost` (read 2026-11-23): equal in every OpenAI row and for Claude up to 1920 px.
A model or a detail setting that no rule covers is None, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, isqrt

Rule = Callable[[Fraction, Fraction, str], int | None]
"""Width and height in pixels and the detail setting to tokens."""

_DATE = r"(-20\d\d-\d\d-\d\d|-20\d{6})?"


def estimate_image_tokens(
    provider: str, model_id: str, width_px: int, height_px: int, detail: str | None = None
) -> int | None:
    """Input tokens that one image adds to a call, or None where no source gives a rule.

    Args:
        provider: `openai`, `anthropic`, `google` or `clarifai`.
        model_id: id or dated id of the model.
        width_px: width of the image as it is sent, at least 1.
        height_px: height of the image as it is sent, at least 1.
        detail: OpenAI `low`, `high`, `original` or `auto`; Gemini's media resolution `low`, `medium`, `high`
            or `ultra_high`; None means that the call leaves it to the vendor. Claude and Clarifai have none.

    Raises ValueError for an image without area.
    """
    if width_px < 1 or height_px < 1:
        raise ValueError(f"an image of {width_px} x {height_px} px has no area: give its width and height")
    name = model_id.removeprefix("models/")
    for family_provider, pattern, rule in _FAMILIES:
        if family_provider == provider and re.fullmatch(f"(?:{pattern}){_DATE}", name):
            return rule(Fraction(width_px), Fraction(height_px), detail or "auto")
    return None


@dataclass(frozen=True, slots=True)
class _Budget:
    """How far an OpenAI patch model lets an image be: None is without limit."""

    patches: int | None
    edge_px: int | None = None


_LOW = _Budget(None, 512)


@dataclass(frozen=True, slots=True)
class _OpenAIPatches:
    """OpenAI from GPT-5.2 on: patches of 32 px, times a multiplier, rounded up.

    Source: OpenAI images and vision guide. `low` fits the image into 512 px; `high` allows 2,500 patches;
    `original` 10,000 patches and 6,000 px on GPT-5.4 and 5.5 and no limit from GPT-5.6 on. Minis and nanos
    have a cap of 1,536 patches; their documented multipliers (1.62, 2.46) stand here although users report
    lower bills (1.2, 1.5), so that an estimate is an upper bound.
    """

    details: dict[str, _Budget]
    multiplier_percent: int = 120

    def __call__(self, width: Fraction, height: Fraction, detail: str) -> int | None:
        """Tokens of one image, or None where the model does not know the detail setting."""
        budget = self.details.get(detail)
        if budget is None:
            return None
        if budget.edge_px is not None:
            width, height = _fit_edge(width, height, budget.edge_px)
        across, down = ceil(width / 32), ceil(height / 32)
        if budget.patches is not None and across * down > budget.patches:
            across, down = _shrink_to_patches(width, height, budget.patches)
        return ceil(Fraction(across * down * self.multiplier_percent, 100))


@dataclass(frozen=True, slots=True)
class _OpenAITiles:
    """OpenAI up to GPT-5.1 and the o-series: a base and tiles of 512 px.

    Source: OpenAI images and vision guide. The image is fitted into 2,048 px, then its short side to 768 px,
    never enlarged; `low` costs the base alone.
    """

    base: int
    tile: int

    def __call__(self, width: Fraction, height: Fraction, detail: str) -> int | None:
        """Tokens of one image, or None where the model does not know the detail setting."""
        if detail == "low":
            return self.base
        if detail not in ("high", "auto"):
            return None
        width, height = _fit_edge(width, height, 2048)
        shrink = min(Fraction(1), 768 / min(width, height))
        return self.base + self.tile * ceil(width * shrink / 512) * ceil(height * shrink / 512)


@dataclass(frozen=True, slots=True)
class _Claude:
    """Claude: patches of 28 px, after shrinking to a longest edge and to a number of patches.

    Source: Anthropic vision guide; the older rule of width x height / 750 is withdrawn. 1,568 px and patches
    up to the 4.6 models and Haiku 4.5; 2,576 px and 4,784 patches from 4.7 on. The measured table shows fewer
    tokens for 12 megapixels on the 5.5 models (3,928), so that the documented value is an upper bound.
    """

    edge_px: int
    patches: int

    def __call__(self, width: Fraction, height: Fraction, detail: str) -> int | None:
        """Tokens of one image; there is no detail setting."""
        if detail != "auto":
            return None
        width, height = _fit_edge(width, height, self.edge_px)
        whole = ceil(width / 28) * ceil(height / 28)
        if whole <= self.patches:
            return whole
        # The largest image within the budget has an edge on a patch boundary: try every boundary.
        sizes = [(i, ceil(height * i / width)) for i in range(1, ceil(width / 28))]
        sizes += [(ceil(width * j / height), j) for j in range(1, ceil(height / 28))]
        return max(across * down for across, down in sizes if across * down <= self.patches)


def _gemini_by_setting(_width: Fraction, _height: Fraction, detail: str) -> int | None:
    """Gemini 3 and 4: a budget per media resolution, whatever the size; unset is the most that is billed.

    Source: Gemini media resolution guide; measured 1,065 to 1,101 where it is unset.
    """
    return {"low": 280, "medium": 560, "high": 1120, "ultra_high": 2240, "auto": 1120}.get(detail)


def _gemini_by_tiles(width: Fraction, height: Fraction, detail: str) -> int | None:
    """Gemini 2.0 and 2.5: 258 tokens if both sides are at most 384 px, else 258 per tile; `low` is 64.

    Source: Gemini token counting guide; a tile measures the short side / 1.5, between 256 and 768 px.
    """
    if detail == "low":
        return 64
    if detail != "auto":
        return None
    if max(width, height) <= 384:
        return 258
    unit = min(max(min(width, height) / Fraction(3, 2), Fraction(256)), Fraction(768))
    return 258 * ceil(width / unit) * ceil(height / unit)


def _gemini_fixed(_width: Fraction, _height: Fraction, detail: str) -> int | None:
    """Gemini 1.5: 258 tokens for any image. Source: Gemini token counting guide, on models before 2.0."""
    return 258 if detail == "auto" else None


def _no_tokens(_width: Fraction, _height: Fraction, detail: str) -> int | None:
    """Clarifai's concept models are billed per operation, one per image, and count no tokens."""
    return 0 if detail == "auto" else None


def _fit_edge(width: Fraction, height: Fraction, edge_px: int) -> tuple[Fraction, Fraction]:
    shrink = min(Fraction(1), edge_px / max(width, height))
    return width * shrink, height * shrink


def _shrink_to_patches(width: Fraction, height: Fraction, budget: int) -> tuple[int, int]:
    """OpenAI's two steps in exact integers: to the area of the budget, then to whole patches of one side."""
    across = max(1, isqrt(int(budget * width / height)))
    down = max(1, isqrt(int(budget * height / width)))
    if across * height <= down * width:
        return across, ceil(height * across / width)
    return ceil(width * down / height), down


_HIGH = _Budget(2500)
_HIGH_2048 = _Budget(2500, 2048)
_ORIGINAL_6000 = _Budget(10_000, 6000)
_FREE = _Budget(None)
_MINI = {"low": _Budget(1536, 512), "high": _Budget(1536), "auto": _Budget(1536)}

_FAMILIES: tuple[tuple[str, str, Rule], ...] = (
    (
        "openai",
        r"gpt-(6(\.[12])?|5\.6)(-(astra|sol|terra|luna))?",
        _OpenAIPatches({"low": _LOW, "high": _HIGH, "original": _FREE, "auto": _FREE}),
    ),
    (
        "openai",
        r"gpt-5\.5(-pro)?",
        _OpenAIPatches({"low": _LOW, "high": _HIGH_2048, "original": _ORIGINAL_6000, "auto": _ORIGINAL_6000}),
    ),
    (
        "openai",
        r"gpt-5\.4(-pro)?",
        _OpenAIPatches({"low": _LOW, "high": _HIGH_2048, "original": _ORIGINAL_6000, "auto": _HIGH_2048}),
    ),
    ("openai", r"gpt-5\.2(-pro)?", _OpenAIPatches({"low": _LOW, "high": _HIGH, "auto": _HIGH})),
    ("openai", r"gpt-(5(\.4)?|4\.1)-mini", _OpenAIPatches(_MINI, 162)),
    ("openai", r"gpt-(5(\.4)?|4\.1)-nano", _OpenAIPatches(_MINI, 246)),
    ("openai", r"o4-mini", _OpenAIPatches(_MINI, 172)),
    ("openai", r"gpt-4o-mini", _OpenAITiles(2833, 5667)),
    ("openai", r"gpt-4o|gpt-4\.1|gpt-4-turbo|gpt-4-(1106-)?vision-preview", _OpenAITiles(85, 170)),
    ("openai", r"gpt-5(\.1)?", _OpenAITiles(70, 140)),
    ("openai", r"o[13]", _OpenAITiles(75, 150)),
    (
        "anthropic",
        r"claude-(opus-4-[78]|(opus|sonnet|haiku|fable|mythos)-5(-\d)?)",
        _Claude(2576, 4784),
    ),
    (
        "anthropic",
        r"claude-((opus|sonnet)-4(-[0156])?|haiku-4-5|3(-[57])?-(opus|sonnet|haiku)(-latest)?)",
        _Claude(1568, 1568),
    ),
    (
        "google",
        r"gemini-(3(\.\d)?-(pro|flash|flash-lite)(-preview)?|4-[a-z]+(-preview)?)",
        _gemini_by_setting,
    ),
    (
        "google",
        r"gemini-2\.[05]-(pro|flash|flash-lite)(-\d{3}|-preview-\d\d-20\d\d)?",
        _gemini_by_tiles,
    ),
    ("google", r"gemini-1\.5-(pro|flash)(-\d{3}|-latest)?", _gemini_fixed),
    ("clarifai", r"(general-image|food-item)-recognition", _no_tokens),
)
