"""The rule of price choice and the rule of the sum, on rows written for the test."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from modelscout.core.types import Processing, TokenUsage
from modelscout.costs.prices import SINCE_EVER, PriceRow
from modelscout.costs.pricing import price_usage, select_price

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CHANGE = datetime(2026, 12, 1, tzinfo=UTC)
ROW = PriceRow(
    provider="openai",
    model_id="model",
    processing=Processing.STANDARD,
    valid_from=SINCE_EVER,
    above_input_tokens=0,
    input_usd_per_million_tokens=Decimal(2),
    output_usd_per_million_tokens=Decimal(10),
    cache_read_usd_per_million_tokens=Decimal("0.2"),
    cache_write_usd_per_million_tokens=Decimal("2.5"),
    cache_write_1h_usd_per_million_tokens=Decimal(4),
    operation_usd=None,
    image_usd=None,
    source="test",
    estimated=False,
)
LONG = replace(ROW, above_input_tokens=200_000, input_usd_per_million_tokens=Decimal(4))
LATER = replace(ROW, valid_from=CHANGE, input_usd_per_million_tokens=Decimal(3))
PER_OPERATION = replace(
    ROW,
    input_usd_per_million_tokens=None,
    output_usd_per_million_tokens=None,
    cache_read_usd_per_million_tokens=None,
    operation_usd=Decimal("0.0012"),
)


def selected(rows: list[PriceRow], at: datetime = NOW, input_tokens: int = 1) -> PriceRow | None:
    return select_price(rows, at=at, processing=Processing.STANDARD, input_tokens=input_tokens)


def test_price_changes_at_its_very_moment() -> None:
    rows = [ROW, LATER]

    assert selected(rows, at=CHANGE - timedelta(microseconds=1)) is ROW
    assert selected(rows, at=CHANGE) is LATER


def test_time_of_another_zone_is_the_same_moment() -> None:
    tokyo = datetime.fromisoformat("2026-12-01T08:59:59+09:00")

    assert selected([ROW, LATER], at=tokyo) is ROW
    assert selected([ROW, LATER], at=tokyo + timedelta(seconds=1)) is LATER


def test_tier_begins_above_its_threshold() -> None:
    assert selected([ROW, LONG], input_tokens=200_000) is ROW
    assert selected([ROW, LONG], input_tokens=200_001) is LONG


def test_a_new_price_without_tiers_ends_the_tiers_of_the_old_one() -> None:
    assert selected([ROW, LONG, LATER], at=CHANGE, input_tokens=500_000) is LATER


def test_order_of_the_rows_decides_among_equals_only() -> None:
    negotiated = replace(ROW, input_usd_per_million_tokens=Decimal(1))

    assert selected([negotiated, ROW]) is negotiated
    assert selected([negotiated, ROW, LATER], at=CHANGE) is LATER


@pytest.mark.parametrize("processing", [Processing.BATCH, Processing.FLEX, Processing.PRIORITY])
def test_another_processing_has_no_price_by_default(processing: Processing) -> None:
    call = price_usage(TokenUsage(input_tokens=1), [ROW], at=NOW, processing=processing)

    assert call.cost_usd is None
    assert call.price is None
    assert call.reason is not None
    assert processing.value in call.reason


def test_before_the_first_price_the_cost_is_unknown() -> None:
    call = price_usage(TokenUsage(input_tokens=1), [LATER], at=NOW)

    assert (call.cost_usd, call.price) == (None, None)


def test_every_kind_of_token_has_its_own_price() -> None:
    usage = TokenUsage(
        input_tokens=1_000_000,
        output_tokens=1_000,
        cache_read_tokens=500_000,
        cache_write_tokens=300_000,
        cache_write_1h_tokens=100_000,
        reasoning_tokens=900,
        image_tokens=100_000,
        image_count=3,
    )

    call = price_usage(usage, [ROW], at=NOW)

    # 200k plain at 2, 500k read at 0.2, 200k written at 2.5, 100k written for 1 h at 4, 1k out at 10.
    assert call.cost_usd == Decimal("0.4") + Decimal("0.1") + Decimal("0.5") + Decimal("0.4") + Decimal(
        "0.01"
    )
    assert (call.price, call.estimated, call.reason) == (ROW, False, None)


@pytest.mark.parametrize(
    ("field", "usage", "told"),
    [
        ("input_usd_per_million_tokens", TokenUsage(input_tokens=1), "input tokens"),
        ("output_usd_per_million_tokens", TokenUsage(output_tokens=1), "output tokens"),
        (
            "cache_read_usd_per_million_tokens",
            TokenUsage(input_tokens=1, cache_read_tokens=1),
            "cache read tokens",
        ),
        (
            "cache_write_usd_per_million_tokens",
            TokenUsage(input_tokens=1, cache_write_tokens=1),
            "cache write",
        ),
        (
            "cache_write_1h_usd_per_million_tokens",
            TokenUsage(input_tokens=1, cache_write_tokens=1, cache_write_1h_tokens=1),
            "one-hour cache write",
        ),
        ("operation_usd", TokenUsage(operations=1), "operations"),
    ],
)
def test_what_occurs_without_a_price_makes_the_cost_unknown(field: str, usage: TokenUsage, told: str) -> None:
    row = replace(ROW, **{field: None})

    call = price_usage(usage, [row], at=NOW)

    assert call.cost_usd is None
    assert call.price is row
    assert call.reason is not None
    assert told in call.reason


def test_a_price_that_is_not_needed_may_be_missing() -> None:
    row = replace(ROW, cache_read_usd_per_million_tokens=None, cache_write_usd_per_million_tokens=None)

    assert price_usage(TokenUsage(input_tokens=1_000_000), [row], at=NOW).cost_usd == 2


def test_nothing_used_costs_nothing() -> None:
    assert price_usage(TokenUsage(), [ROW], at=NOW).cost_usd == 0


def test_estimated_prices_give_estimated_costs() -> None:
    assert price_usage(TokenUsage(input_tokens=1), [replace(ROW, estimated=True)], at=NOW).estimated


def test_operations_and_images() -> None:
    assert price_usage(TokenUsage(operations=5), [PER_OPERATION], at=NOW).cost_usd == Decimal("0.0060")
    per_image = replace(ROW, image_usd=Decimal("0.01"))
    assert price_usage(TokenUsage(image_count=3), [per_image], at=NOW).cost_usd == Decimal("0.03")


def test_images_without_operations_are_not_free_where_operations_are_billed() -> None:
    call = price_usage(TokenUsage(image_count=5), [PER_OPERATION], at=NOW)

    assert call.cost_usd is None
    assert call.reason is not None
    assert "operations is 0" in call.reason


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        (TokenUsage(input_tokens=10, cache_read_tokens=11), "exceed input_tokens"),
        (TokenUsage(input_tokens=10, cache_read_tokens=6, cache_write_tokens=5), "exceed input_tokens"),
        (
            TokenUsage(input_tokens=10, cache_write_tokens=5, cache_write_1h_tokens=6),
            "exceed cache_write_tokens",
        ),
        (TokenUsage(input_tokens=-1), "input_tokens is negative"),
        (TokenUsage(output_tokens=-1), "output_tokens is negative"),
    ],
)
def test_counts_that_contradict_each_other_are_not_priced(usage: TokenUsage, told: str) -> None:
    call = price_usage(usage, [ROW], at=NOW)

    assert call.cost_usd is None
    assert call.reason is not None
    assert told in call.reason


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no timezone"):
        price_usage(TokenUsage(), [ROW], at=datetime(2026, 11, 23))  # noqa: DTZ001
