"""The rows that the library and the overlay give: complete, dated, with a source, never a silent zero."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from genai_prices import Usage, calc_price

from modelscout.catalog.loader import load_catalog
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Processing, TokenUsage
from modelscout.costs.overlay import load_overlay
from modelscout.costs.price_book import price_rows
from modelscout.costs.prices import SINCE_EVER, UNIT_PRICES, PriceRow
from modelscout.costs.pricing import price_usage

MODELS = load_catalog().models
ROWS = price_rows(MODELS)
BY_MODEL: dict[tuple[str, str], list[PriceRow]] = defaultdict(list)
for _row in ROWS:
    BY_MODEL[_row.provider, _row.model_id].append(_row)


def rows_of(model_id: str, processing: Processing = Processing.STANDARD) -> list[PriceRow]:
    return [row for row in ROWS if row.model_id == model_id and row.processing is processing]


def test_prices_every_model() -> None:
    unpriced = [m.model_id for m in MODELS if (m.provider.value, m.model_id) not in BY_MODEL]

    assert unpriced == []


def test_rows_are_unique_and_sorted() -> None:
    keys = [(r.provider, r.model_id, r.processing.value, r.valid_from, r.above_input_tokens) for r in ROWS]

    assert keys == sorted(set(keys))


def test_money_is_decimal_and_positive() -> None:
    amounts = [getattr(row, unit) for row in ROWS for unit in UNIT_PRICES]

    assert {type(amount) for amount in amounts} == {Decimal, type(None)}
    assert all(amount > 0 for amount in amounts if amount is not None)


def test_every_row_has_a_source_and_begins_at_midnight_utc() -> None:
    for row in ROWS:
        assert row.source.strip()
        assert row.valid_from.tzinfo is UTC
        assert row.valid_from.hour == row.valid_from.minute == 0


def test_every_set_of_rows_has_a_base_tier() -> None:
    sets = defaultdict(set)
    for row in ROWS:
        sets[row.provider, row.model_id, row.processing, row.valid_from].add(row.above_input_tokens)

    assert all(0 in tiers for tiers in sets.values())


def test_scheduled_prices_are_there_before_they_hold() -> None:
    argon = [(r.valid_from, r.input_usd_per_million_tokens) for r in rows_of("gemini-4-argon")]

    assert argon == [(SINCE_EVER, Decimal(2)), (datetime(2026, 12, 1, tzinfo=UTC), Decimal(4))]


def test_batch_before_the_first_listed_price_is_half_and_estimated() -> None:
    estimated, listed = rows_of("claude-opus-5-5", Processing.BATCH)

    assert (estimated.valid_from, estimated.input_usd_per_million_tokens) == (SINCE_EVER, Decimal(2))
    assert estimated.estimated
    assert "half of the standard price" in estimated.source
    assert (listed.valid_from, listed.estimated) == (datetime(2026, 10, 14, tzinfo=UTC), False)


@pytest.mark.parametrize(
    "model_id", ["claude-opus-4-1", "gemini-3.5-flash", "gemini-3.7-flash", "gpt-6.2-sol"]
)
def test_missing_batch_price_is_half_and_estimated(model_id: str) -> None:
    standard = {(r.valid_from, r.above_input_tokens): r for r in rows_of(model_id)}
    batch = rows_of(model_id, Processing.BATCH)

    assert len(batch) == len(standard)
    for row in batch:
        full = standard[row.valid_from, row.above_input_tokens].input_usd_per_million_tokens
        assert full is not None
        assert row.input_usd_per_million_tokens == full / 2
        assert row.estimated


def test_clarifai_has_no_batch() -> None:
    assert {row.processing for row in ROWS if row.provider == "clarifai"} == {Processing.STANDARD}


def test_what_the_overlay_does_not_know_stays_unknown() -> None:
    assert {row.cache_read_usd_per_million_tokens for row in rows_of("gpt-6.2-sol")} == {None}


def test_overlay_holds_only_what_the_library_lacks() -> None:
    """Once the library knows a model, its entry in the overlay would hide newer prices: remove it there."""
    for row in load_overlay():
        if row.provider != "clarifai":
            with pytest.raises(LookupError):
                calc_price(Usage(input_tokens=1), row.model_id, provider_id=row.provider)


@pytest.mark.parametrize("at", [datetime(2025, 1, 15, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC),
                                datetime(2027, 1, 1, tzinfo=UTC)])  # fmt: skip
@pytest.mark.parametrize("tokens", [1_000, 150_000, 300_000])
def test_agrees_with_the_library(at: datetime, tokens: int) -> None:
    """Standard calls, and those for which the library has a price of their own, cost what it says."""
    contexts = {
        Processing.STANDARD: None,
        Processing.BATCH: {"processing": "batch"},
        Processing.FLEX: {"service_tier": "flex"},
        Processing.PRIORITY: {"service_tier": "priority"},
    }
    compared = 0
    for (provider, model_id), rows in BY_MODEL.items():
        for processing, context in contexts.items():
            if provider == "anthropic" and processing is Processing.PRIORITY:
                context = {"speed": "fast"}
            ours = price_usage(
                TokenUsage(input_tokens=tokens, output_tokens=777), rows, at=at, processing=processing
            )
            if ours.price is None or not ours.price.source.startswith("genai-prices"):
                continue
            library_id = ours.price.source.rpartition("/")[2]
            theirs = calc_price(
                Usage(input_tokens=tokens, output_tokens=777), library_id,
                provider_id=provider, price_context=context, genai_request_timestamp=at,
            )  # fmt: skip
            assert ours.cost_usd == theirs.total_price, (model_id, processing)
            compared += 1
    assert compared > 80


GOOD = """\
prices:
  - provider: clarifai
    model: some-model
    operation_usd: "0.001"
    source: A page
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"0.001"', "0.001", ["prices.0.operation_usd", 'quotes, as "0.001"']),
        ('"0.001"', '"-1"', ["prices.0.operation_usd", "greater than or equal to 0"]),
        ('"0.001"', '"NaN"', ["prices.0.operation_usd", "finite"]),
        ("    source: A page\n", "", ["prices.0.source", "Field required"]),
        ("operation_usd", "operations_usd", ["prices.0.operations_usd", "correct or remove this key"]),
        ("clarifai", "clarify", ["prices.0.provider", "'clarifai'"]),
        ("prices:", "prices: [", ["not valid YAML"]),
    ],
)
def test_overlay_with_a_mistake_is_refused(tmp_path: Path, old: str, new: str, told: list[str]) -> None:
    path = tmp_path / "overlay.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")

    with pytest.raises(ConfigurationError) as caught:
        load_overlay(path)

    assert [part for part in (str(path), *told) if part not in str(caught.value)] == []


def test_overlay_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="correct the path"):
        load_overlay(tmp_path / "overlay.yaml")
