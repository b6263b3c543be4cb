"""Every id that an application may log finds its model, and no other id finds one."""

from __future__ import annotations

import pytest

from modelscout.catalog.loader import load_catalog


@pytest.mark.parametrize(
    ("provider", "model_id", "expected"),
    [
        ("openai", "gpt-4o", "gpt-4o"),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("openai", "gpt-4o-20241120", "gpt-4o"),
        ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("openai", "gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("openai", "gpt-5.6", "gpt-5.6-sol"),
        ("openai", "gpt-4-1106-vision-preview", "gpt-4-vision-preview"),
        ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("anthropic", "claude-opus-4-0", "claude-opus-4-20250514"),
        ("anthropic", "claude-3-sonnet-20240229", "claude-3-sonnet-20240229"),
        ("anthropic", "claude-3-sonnet", "claude-3-sonnet-20240229"),
        ("google", "models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google", "gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("google", "gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
        ("clarifai", "general-image-recognition", "general-image-recognition"),
    ],
)
def test_finds(provider: str, model_id: str, expected: str) -> None:
    model = load_catalog().resolve(provider, model_id)

    assert model is not None
    assert (model.provider, model.model_id) == (provider, expected)


@pytest.mark.parametrize(
    ("provider", "model_id"),
    [
        ("openai", "gpt-6.2"),
        ("openai", "gpt-6.2-sol-ultra"),
        ("openai", "gpt-4o-audio-preview"),
        ("openai", "gpt-4o-audio-preview-2024-12-17"),
        ("openai", "gpt-4o-2024-13-01"),
        ("openai", "gpt-4o-2024-0806"),
        ("openai", "gpt-4o-2024-08-06-turbo"),
        ("openai", "ft:gpt-4o-2024-08-06:acme::abc"),
        ("openai", "models/gpt-4o"),
        ("openai", "claude-sonnet-4-5"),
        ("openai", ""),
        ("anthropic", "claude-opus-4-9"),
        ("anthropic", "claude-sonnet"),
        ("anthropic", "claude-fable-5-3"),
        ("google", "gemini-2.5-flash-image"),
        ("google", "gemini-flash-latest"),
        ("nobody", "gpt-4o"),
    ],
)
def test_never_takes_a_variant_for_its_relative(provider: str, model_id: str) -> None:
    assert load_catalog().resolve(provider, model_id) is None


def test_no_id_or_alias_of_one_model_finds_another() -> None:
    catalog = load_catalog()
    for model in catalog.models:
        for name in (model.model_id, *model.aliases):
            assert catalog.resolve(model.provider, name) is model


def test_is_read_once() -> None:
    assert load_catalog() is load_catalog()
