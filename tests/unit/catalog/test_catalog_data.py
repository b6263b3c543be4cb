"""The catalog that ships: complete, consistent with its own rules and with the prices."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import jsonschema
import pytest
import yaml

from modelscout.catalog.loader import load_catalog
from modelscout.catalog.models import CatalogModel, FactGroup, PerformanceClass
from modelscout.catalog.schema import DATA_FOLDER, SCHEMA_FILE, json_schema_text
from modelscout.catalog.scoring import score_use_cases
from modelscout.core.types import Capability, ModelType, Processing, Provider
from modelscout.costs.price_book import price_rows
from modelscout.costs.pricing import select_price

TODAY = date(2026, 11, 23)
MODELS = load_catalog().models
BY_ID = {(model.provider.value, model.model_id): model for model in MODELS}
FILES = sorted(DATA_FOLDER.glob("*.yaml"))

WANTED = {
    "openai": [
        "gpt-6.2-astra", "gpt-6.2-sol", "gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-astra", "gpt-6-sol",
        "gpt-6-luna", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna", "gpt-5.5", "gpt-5.5-pro", "gpt-5.4",
        "gpt-5.4-mini",
        "gpt-5.4-nano", "gpt-5.2", "gpt-5.1", "gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-4.1", "gpt-4.1-mini",
        "gpt-4o", "gpt-4o-mini", "gpt-4-turbo", "gpt-4-vision-preview", "o3",
    ],
    "anthropic": [
        "claude-fable-5-2", "claude-mythos-5-2", "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5",
        "claude-fable-5-1", "claude-mythos-5-1", "claude-opus-5", "claude-sonnet-5", "claude-fable-5",
        "claude-opus-4-8", "claude-opus-4-7", "claude-opus-4-6", "claude-sonnet-4-6", "claude-opus-4-5",
        "claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1", "claude-3-sonnet-20240229",
    ],
    "google": [
        "gemini-4-argon", "gemini-3.8-flash", "gemini-3.7-flash", "gemini-3.6-flash", "gemini-3.5-flash",
        "gemini-3.5-flash-lite", "gemini-3.1-pro-preview", "gemini-3.1-flash-lite", "gemini-3-flash-preview",
        "gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.0-flash", "gemini-1.5-pro",
    ],
    "clarifai": ["general-image-recognition", "food-item-recognition"],
}  # fmt: skip


def of_all(models: tuple[CatalogModel, ...] = MODELS) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("model", models, ids=lambda m: m.model_id)


def test_holds_every_model_of_the_market_and_of_history() -> None:
    missing = [(p, i) for p, ids in WANTED.items() for i in ids if (p, i) not in BY_ID]

    assert missing == []
    assert {path.stem for path in FILES} == {provider.value for provider in Provider}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_file_names_its_schema_and_fulfils_it(path) -> None:
    text = path.read_text(encoding="utf-8")
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))

    assert text.startswith("# yaml-language-server: $schema=catalog.schema.json\n")
    # The schema speaks JSON, where a day is a string.
    jsonschema.validate(json.loads(json.dumps(yaml.safe_load(text), default=str)), schema)


def test_schema_for_editors_is_the_one_that_is_checked() -> None:
    remedy = "run: python -m modelscout.catalog.schema"

    assert SCHEMA_FILE.read_text(encoding="utf-8") == json_schema_text(), remedy


@of_all()
def test_use_case_scores_follow_the_rule(model: CatalogModel) -> None:
    expected = score_use_cases(model.provider, model.capabilities, model.performance)

    assert dict(model.use_case_scores) == expected


@of_all()
def test_every_fact_has_a_source(model: CatalogModel) -> None:
    assert set(model.sources) == set(FactGroup)
    assert all(source.read_on <= TODAY for source in model.sources.values())


@of_all()
def test_capabilities_agree_with_the_other_facts(model: CatalogModel) -> None:
    has = model.capabilities.__contains__
    window = model.limits.context_window_tokens

    assert has(Capability.LARGE_CONTEXT) == (window is not None and window >= 200_000)
    assert has(Capability.FAST_PROCESSING) == (model.performance.speed in {"high", "very_high"})
    assert has(Capability.TEXT_GENERATION) == (model.type is not ModelType.VISION)


@pytest.mark.parametrize(
    ("provider", "model_id", "retires_on"),
    [
        ("anthropic", "claude-sonnet-4-5", date(2026, 11, 30)),
        ("anthropic", "claude-3-sonnet-20240229", date(2025, 7, 21)),
        ("openai", "gpt-5", date(2026, 12, 11)),
        ("openai", "gpt-5-mini", date(2026, 12, 11)),
        ("openai", "gpt-5-nano", date(2026, 12, 11)),
        ("openai", "o3", date(2026, 12, 11)),
        ("openai", "gpt-4o", date(2027, 1, 14)),
        ("openai", "gpt-4o-mini", date(2027, 1, 14)),
        ("openai", "gpt-4.1", date(2027, 1, 14)),
        ("openai", "gpt-4.1-mini", date(2027, 1, 14)),
        ("openai", "gpt-5.1", date(2027, 4, 1)),
        ("openai", "gpt-5.4-nano", date(2027, 4, 1)),
        ("openai", "gpt-4-turbo", date(2026, 10, 23)),
        ("openai", "gpt-4-vision-preview", date(2024, 12, 6)),
        ("google", "gemini-2.5-pro", date(2026, 12, 1)),
        ("google", "gemini-2.5-flash", date(2026, 12, 1)),
        ("google", "gemini-2.0-flash", date(2026, 6, 1)),
        ("google", "gemini-3.1-flash-lite", date(2027, 5, 7)),
    ],
)
def test_retirement_days(provider: str, model_id: str, retires_on: date) -> None:
    assert BY_ID[provider, model_id].lifecycle.retires_on == retires_on


def test_a_model_answers_until_the_day_of_its_retirement() -> None:
    lifecycle = BY_ID["anthropic", "claude-sonnet-4-5"].lifecycle

    assert not lifecycle.is_retired(date(2026, 11, 29))
    assert lifecycle.is_retired(date(2026, 11, 30))


@of_all(tuple(model for model in MODELS if model.lifecycle.retires_on))
def test_what_retires_has_a_successor_that_stays(model: CatalogModel) -> None:
    """Following the successors leads to a model without an announced end."""
    seen = []
    while model.lifecycle.retires_on is not None:
        assert model.model_id not in seen, "successors go in a circle"
        seen.append(model.model_id)
        assert model.lifecycle.successor is not None
        model = BY_ID[model.provider.value, model.lifecycle.successor]


def test_cost_class_follows_the_list_price() -> None:
    """Three input tokens to one output token, or 1,000 operations: under 0.5, 2.5 and 8 USD."""
    rows = price_rows(MODELS)
    now = datetime(2026, 11, 23, tzinfo=UTC)
    for model in MODELS:
        own = [r for r in rows if (r.provider, r.model_id) == (model.provider, model.model_id)]
        row = select_price(own, at=now, processing=Processing.STANDARD, input_tokens=0)
        if row is None:
            assert "no source gives a price" in model.sources[FactGroup.PERFORMANCE].text
            continue
        if row.operation_usd is not None:
            typical = row.operation_usd * 1000
        else:
            assert row.input_usd_per_million_tokens is not None
            assert row.output_usd_per_million_tokens is not None
            typical = (3 * row.input_usd_per_million_tokens + row.output_usd_per_million_tokens) / 4
        steps = [Decimal("0.5"), Decimal("2.5"), Decimal(8)]
        assert model.performance.cost is list(PerformanceClass)[sum(typical >= step for step in steps)]
