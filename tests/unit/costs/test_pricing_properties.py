"""What must hold for every usage and every price."""

from __future__ import annotations

import ast
import json
import random
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import modelscout.costs
from modelscout.analytics.price_lines import price_lines
from modelscout.catalog.loader import load_catalog
from modelscout.commands.base import plain
from modelscout.core.types import Processing, TokenUsage
from modelscout.costs.price_book import price_rows
from modelscout.costs.prices import SINCE_EVER, UNIT_PRICES, PriceRow
from modelscout.costs.pricing import price_usage, select_price

AT = datetime(2026, 11, 23, tzinfo=UTC)
ROWS = price_rows(load_catalog().models)

FIXED = settings(derandomize=True, deadline=None)
counts = st.integers(0, 10**9)
money = st.decimals(0, 1000, places=6)


@st.composite
def usages(draw: st.DrawFn) -> TokenUsage:
    read, written = draw(counts), draw(counts)
    return TokenUsage(
        input_tokens=read + written + draw(counts),
        output_tokens=draw(counts),
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=draw(st.integers(0, written)),
        # At least one: images without operations have no known cost where operations are billed.
        operations=draw(st.integers(1, 10**9)),
        image_count=draw(counts),
    )


@st.composite
def base_rows(draw: st.DrawFn) -> PriceRow:
    return PriceRow(
        "openai", "model", Processing.STANDARD, SINCE_EVER, 0,
        *(draw(money) for _ in UNIT_PRICES), source="test", estimated=False,
    )  # fmt: skip


def cost(usage: TokenUsage, row: PriceRow) -> Decimal:
    value = price_usage(usage, [row], at=AT).cost_usd
    assert value is not None
    return value


def by_hand(usage: TokenUsage, row: PriceRow) -> tuple[int, int]:
    """The same sum in whole numbers: of 10**-12 USD, since prices have six places."""
    units = {name: int((getattr(row, name) or Decimal(0)).scaleb(6)) for name in UNIT_PRICES}
    tokens = (
        (usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens)
        * units["input_usd_per_million_tokens"]
        + usage.cache_read_tokens * units["cache_read_usd_per_million_tokens"]
        + (usage.cache_write_tokens - usage.cache_write_1h_tokens)
        * units["cache_write_usd_per_million_tokens"]
        + usage.cache_write_1h_tokens * units["cache_write_1h_usd_per_million_tokens"]
        + usage.output_tokens * units["output_usd_per_million_tokens"]
    )
    pieces = usage.operations * units["operation_usd"] + usage.image_count * units["image_usd"]
    return tokens, pieces


@FIXED
@given(usages(), base_rows())
def test_equals_the_sum_in_whole_numbers(usage: TokenUsage, row: PriceRow) -> None:
    tokens, pieces = by_hand(usage, row)

    assert cost(usage, row) == Decimal(tokens).scaleb(-12) + Decimal(pieces).scaleb(-6)


@FIXED
@given(usages(), usages(), base_rows())
def test_a_call_split_in_two_costs_the_same(one: TokenUsage, two: TokenUsage, row: PriceRow) -> None:
    assert cost(one + two, row) == cost(one, row) + cost(two, row)


@FIXED
@given(usages(), usages(), base_rows())
def test_more_never_costs_less(usage: TokenUsage, more: TokenUsage, row: PriceRow) -> None:

    assert cost(usage + more, row) >= cost(usage, row) >= 0


@FIXED
@given(usages(), base_rows())
def test_money_is_never_a_float(usage: TokenUsage, row: PriceRow) -> None:
    call = price_usage(usage, [row], at=AT)

    assert call.cost_usd is None or type(call.cost_usd) is Decimal
    assert not any(isinstance(getattr(row, f.name), float) for f in fields(row))


@FIXED
@given(usages(), base_rows(), st.sampled_from(UNIT_PRICES))
def test_an_unknown_price_never_lowers_the_cost(usage: TokenUsage, row: PriceRow, unit: str) -> None:
    """Taking one price away leaves the cost as it was or makes it unknown."""
    usage = replace(usage, image_count=0)

    call = price_usage(usage, [replace(row, **{unit: None})], at=AT)

    assert call.cost_usd is None or call.cost_usd == cost(usage, row)


@FIXED
@given(
    st.permutations(range(6)),
    st.integers(0, 400_000),
    st.sampled_from(["gpt-5.6-sol", "gemini-4-argon", "claude-haiku-5-5", "gemini-2.5-pro"]),
    st.integers(0, 4 * 365 * 24).map(lambda hours: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours)),
    st.sampled_from(list(Processing)),
)
def test_order_of_rows_never_matters(
    order: list[int], tokens: int, model_id: str, at: datetime, processing: Processing
) -> None:
    rows = [row for row in ROWS if row.model_id == model_id]
    shuffled = sorted(rows, key=lambda row: order[rows.index(row) % len(order)])

    chosen = [select_price(r, at=at, processing=processing, input_tokens=tokens) for r in (rows, shuffled)]

    assert chosen[0] == chosen[1]


def no_float(text: str) -> float:
    raise AssertionError(f"{text} was written as a number with a fraction")


LINES = st.builds(
    lambda row, usage, at, batch: {
        "provider": row.provider,
        "model": row.model_id,
        "usage": {
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": usage.output_tokens,
            "prompt_tokens_details": {
                "cached_tokens": usage.cache_read_tokens,
                "cache_write_tokens": usage.cache_write_tokens,
            },
        },
        "at": at.isoformat(),
        "processing": "batch" if batch else "standard",
    },
    st.sampled_from([row for row in ROWS if row.provider == "openai"]),
    usages(),
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.booleans(),
)


@FIXED
@given(st.lists(LINES, max_size=5))
def test_money_never_becomes_a_float_in_json_either(lines: list[dict[str, Any]]) -> None:
    priced = list(price_lines((json.dumps(line) for line in lines), default_at=AT))
    text = [json.dumps(line, default=plain) for line in priced]

    for line, written in zip(priced, text, strict=True):
        read = json.loads(written, parse_float=no_float)["cost_usd"]
        assert read is None or Decimal(read) == line["cost_usd"]


@FIXED
@given(st.lists(LINES, max_size=8), st.randoms(use_true_random=False))
def test_another_order_of_the_same_lines_has_the_same_total(
    lines: list[dict[str, Any]], rng: random.Random
) -> None:
    shuffled = rng.sample(lines, len(lines))

    assert total(shuffled) == total(lines)
    assert total(lines[:3]) + total(lines[3:]) == total(lines)


def total(lines: list[dict[str, Any]]) -> Decimal:
    priced = price_lines((json.dumps(line) for line in lines), default_at=AT)
    return sum((line["cost_usd"] for line in priced if line["cost_usd"] is not None), Decimal(0))


@FIXED
@given(st.sampled_from(ROWS), usages(), usages())
def test_more_tokens_never_cost_less_within_a_tier_of_a_real_price(
    row: PriceRow, usage: TokenUsage, more: TokenUsage
) -> None:
    before = price_usage(usage, [replace(row, above_input_tokens=0)], at=row.valid_from).cost_usd
    after = price_usage(usage + more, [replace(row, above_input_tokens=0)], at=row.valid_from).cost_usd

    assert before is None or after is None or after >= before


def test_the_code_of_costs_holds_no_float() -> None:
    """Neither a literal with a fraction nor a call of `float`: no amount can pass through one."""
    folder = Path(modelscout.costs.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
            assert not literal, f"{file.name}:{getattr(node, 'lineno', 0)}"
            assert not call, f"{file.name}:{getattr(node, 'lineno', 0)}"
