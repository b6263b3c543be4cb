"""Image tokens against the vendors' documented and measured figures."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelscout.catalog.loader import load_catalog
from modelscout.catalog.models import CatalogModel
from modelscout.core.types import Capability
from modelscout.costs.image_tokens import estimate_image_tokens

SMALL, MEDIUM, PHONE = (512, 512), (1024, 1024), (4032, 3024)
FIXED = settings(derandomize=True, deadline=None)
SIGHTED = [m for m in load_catalog().models if Capability.IMAGE_ANALYSIS in m.capabilities]


@pytest.mark.parametrize(
    ("provider", "model_id", "detail", "small", "medium", "phone"),
    [
        ("openai", "gpt-6-luna", "auto", 308, 1229, 14364),
        ("openai", "gpt-6-luna", None, 308, 1229, 14364),
        ("openai", "gpt-6.1-sol", "high", 308, 1229, 2942),
        ("openai", "gpt-5.6-terra", "low", 308, 308, 231),
        ("openai", "gpt-6.2-astra", "original", 308, 1229, 14364),
        ("openai", "gpt-4o", "high", 255, 765, 765),
        ("openai", "gpt-4o", None, 255, 765, 765),
        ("openai", "gpt-4o", "low", 85, 85, 85),
        ("openai", "gpt-4o-2024-08-06", "high", 255, 765, 765),
        ("openai", "gpt-4o-mini", "high", 8500, 25501, 25501),
        ("openai", "gpt-5", "high", 210, 630, 630),
        ("openai", "o3", "high", 225, 675, 675),
        ("anthropic", "claude-sonnet-5-5", None, 361, 1369, 4740),
        ("anthropic", "claude-opus-4-8", None, 361, 1369, 4740),
        ("anthropic", "claude-sonnet-4-6", None, 361, 1369, 1564),
        ("anthropic", "claude-haiku-4-5-20251001", None, 361, 1369, 1564),
        ("google", "gemini-3.8-flash", None, 1120, 1120, 1120),
        ("google", "gemini-4-argon", "low", 280, 280, 280),
        ("google", "models/gemini-3.1-pro-preview", "ultra_high", 2240, 2240, 2240),
        ("google", "gemini-2.5-flash", None, 1032, 1032, 6192),
        ("google", "gemini-2.5-flash", "low", 64, 64, 64),
        ("google", "gemini-1.5-pro", None, 258, 258, 258),
        ("clarifai", "general-image-recognition", None, 0, 0, 0),
    ],
)
def test_presets(
    provider: str, model_id: str, detail: str | None, small: int, medium: int, phone: int
) -> None:
    tokens = [estimate_image_tokens(provider, model_id, *size, detail) for size in (SMALL, MEDIUM, PHONE)]

    assert tokens == [small, medium, phone]


@pytest.mark.parametrize(
    ("size", "tokens"), [((384, 384), 258), ((385, 384), 258 * 4), ((960, 540), 258 * 6)]
)
def test_gemini_tiles(size: tuple[int, int], tokens: int) -> None:
    assert estimate_image_tokens("google", "gemini-2.5-pro", *size) == tokens


@pytest.mark.parametrize(
    ("provider", "model_id", "detail"),
    [
        ("openai", "gpt-7", None),
        ("openai", "gpt-4o-audio-preview", None),
        ("openai", "gpt-5.6-cyber", None),
        ("openai", "gpt-5.2", "original"),
        ("openai", "gpt-4o", "original"),
        ("anthropic", "claude-sonnet-5-5", "high"),
        ("anthropic", "claude-opus-6", None),
        ("google", "gemini-3.8-live", None),
        ("google", "gemini-3.8-flash", "original"),
        ("google", "gpt-4o", None),
        ("clarifai", "some-language-model", None),
    ],
)
def test_no_rule_is_unknown(provider: str, model_id: str, detail: str | None) -> None:
    assert estimate_image_tokens(provider, model_id, 1024, 1024, detail) is None


def test_covers_the_catalog_but_for_models_without_a_source() -> None:
    without = [m.model_id for m in SIGHTED if estimate_image_tokens(m.provider, m.model_id, 800, 600) is None]

    assert without == ["gpt-5-pro", "o3-pro"]


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 5)])
def test_image_without_area_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no area"):
        estimate_image_tokens("openai", "gpt-4o", *size)


CAPS = {
    "gpt-6-luna/high": 3000,
    "gpt-4o/high": 85 + 170 * 8,
    "claude-sonnet-5-5/": 4784,
    "claude-sonnet-4-6/": 1568,
}


@FIXED
@given(st.integers(1, 20_000), st.integers(1, 20_000), st.sampled_from(sorted(CAPS)))
def test_stays_within_the_documented_budget(width: int, height: int, which: str) -> None:
    model_id, _, detail = which.partition("/")
    provider = "anthropic" if model_id.startswith("claude") else "openai"

    tokens = estimate_image_tokens(provider, model_id, width, height, detail or None)

    assert tokens is not None
    assert 0 < tokens <= CAPS[which]


@FIXED
@given(
    st.integers(1, 9_000),
    st.integers(1, 9_000),
    st.sampled_from([m for m in SIGHTED if m.provider == "openai"]),
)
def test_turning_an_image_changes_nothing(width: int, height: int, model: CatalogModel) -> None:
    assert estimate_image_tokens("openai", model.model_id, width, height) == estimate_image_tokens(
        "openai", model.model_id, height, width
    )
