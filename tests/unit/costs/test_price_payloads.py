"""Every recorded usage object of OpenAI, Anthropic and Google: token counts and price equal the expected ones.

The payloads and what they cost are `pydantic/genai-prices tests/dataset @47df840` (MIT), which is not part of
this project. Each is priced at the vendor's own price as of the day the set's prices were drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from modelscout.analytics.price_lines import price_lines
from modelscout.costs.payload_facts import billed_apart, stated_processing

PAYLOADS = Path(__file__).parents[4] / "shared/data/usage_payloads/usages.json"
DRAWN_AT = datetime(2026, 8, 20, tzinfo=UTC)
"""gpt-5.6-sol became cheaper on the day after; the set holds the price before."""
OWN_FLAVORS = {"openai": ("responses", "chat"), "anthropic": ("default",), "google": ("default",)}
"""What each vendor's own API answers; the set also reads payloads as if a reseller had sent them."""

REFUSED = {
    "audio tokens have a price of their own, which is not kept": [
        43, 185, 187, 192, 223, 228, 271, 272, 278, 295, 300, 321, 356, 357, 359, 369, 425, 426, 435, 465, 523,
    ],
    "a picture that the model drew has a price of its own, which is not kept": [31, 35, 44, 52],
    "ten dollars for a thousand web searches are not kept": [107, 130],
    "processed as flex, and no flex price is listed for that day; the set takes the standard price": [64],
    "not in the catalog: an open-weight model of resellers": [97, 504, 691],
    "not in the catalog: a preview that searches the web": [500],
    "not in the catalog: an experimental model that was free": [519],
}  # fmt: skip
"""Payloads for which our answer is "unknown" where the set has a price."""
MORE_OUTPUT = {496: 74}
"""Google's copy of OpenAI's API: 62 thoughts stand in the total alone, and the set leaves them out."""
OURS_ONLY = {"`models/` before the name, which the set does not read": [47, 49, 78]}


class Expected(NamedTuple):
    """One payload as one vendor's API."""

    index: int
    line: dict[str, Any]
    tokens: dict[str, int]
    cost_usd: Decimal | None


def expectations() -> Iterator[Expected]:
    for index, entry in enumerate(json.loads(PAYLOADS.read_text(encoding="utf-8"))):
        body = entry["body"]
        usage = body.get("usageMetadata") or body.get("usage")
        for extracted in entry["extracted"]:
            for reading in extracted["extractors"]:
                provider = reading["provider_id"]
                if reading["api_flavor"] in OWN_FLAVORS.get(provider, ()):
                    line = {"provider": provider, "model": entry.get("model") or "", "usage": usage}
                    yield Expected(index, line, extracted["usage"], expected_cost(reading))


def expected_cost(reading: dict[str, str]) -> Decimal | None:
    if "total_price" in reading:
        return Decimal(reading["total_price"])
    if "input_price" not in reading:
        return None
    return Decimal(reading["input_price"]) + Decimal(reading["output_price"])


@pytest.fixture(scope="module")
def priced() -> list[tuple[Expected, dict[str, Any]]]:
    if not PAYLOADS.exists():
        pytest.skip(f"{PAYLOADS} is not here: the recorded payloads are no part of the project")
    expected = list(expectations())
    lines = price_lines((json.dumps(e.line) for e in expected), default_at=DRAWN_AT)
    return list(zip(expected, lines, strict=True))


def test_the_set_is_all_there(priced: list[tuple[Expected, dict[str, Any]]]) -> None:
    assert len(priced) == 906
    assert sum(expected.cost_usd is not None for expected, _ in priced) == 540


def test_token_counts_are_the_expected_ones(priced: list[tuple[Expected, dict[str, Any]]]) -> None:
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    for expected, line in priced:
        assert "error" not in line, line
        wanted = {n: expected.tokens.get(n, 0) for n in names}
        if expected.index in MORE_OUTPUT:
            wanted["output_tokens"] = MORE_OUTPUT[expected.index]
        assert {n: line[n] for n in names} == wanted, expected.index


def test_prices_are_the_expected_ones_or_refused_for_a_listed_reason(
    priced: list[tuple[Expected, dict[str, Any]]],
) -> None:
    refused = {index for indexes in REFUSED.values() for index in indexes}
    found = set()
    for expected, line in priced:
        if expected.cost_usd is None:
            continue
        if line["cost_usd"] is None:
            found.add(expected.index)
            assert line["reason"]
        else:
            assert line["cost_usd"] == expected.cost_usd, (expected.index, expected.line["model"])
    assert found == refused


def test_what_only_we_price_is_listed(priced: list[tuple[Expected, dict[str, Any]]]) -> None:
    known = {index for indexes in OURS_ONLY.values() for index in indexes}
    assert {e.index for e, line in priced if e.cost_usd is None and line["cost_usd"] is not None} == known


def test_the_price_that_fell_afterwards_holds_from_its_day_on(
    priced: list[tuple[Expected, dict[str, Any]]],
) -> None:
    fell = [(e, line) for e, line in priced if e.line["model"] == "gpt-5.6-sol" and e.cost_usd is not None]
    later = price_lines((json.dumps(e.line) for e, _ in fell), default_at=datetime(2026, 8, 21, tzinfo=UTC))
    assert len(fell) == 7
    assert all(after["cost_usd"] < before["cost_usd"] for (_, before), after in zip(fell, later, strict=True))


@pytest.mark.parametrize(
    ("usage", "apart"),
    [
        ({"prompt_tokens": 64, "prompt_tokens_details": {"audio_tokens": 44}}, ("audio tokens",)),
        ({"output_tokens_details": {"audio_tokens": 1}}, ("audio tokens",)),
        ({"promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}]}, ("audio tokens",)),
        ({"prompt_tokens_details": [{"modality": "AUDIO", "token_count": 5}]}, ("audio tokens",)),
        ({"candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 5}]}, ("image output tokens",)),
        ({"server_tool_use": {"web_search_requests": 2}}, ("web searches",)),
        ({"usage": {"server_tool_use": {"web_search_requests": 2}}}, ("web searches",)),
        ({"prompt_tokens_details": {"audio_tokens": 0}}, ()),
        ({"promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 5}]}, ()),
        ({"promptTokensDetails": [{"modality": "AUDIO"}]}, ()),
        ({"server_tool_use": {"web_search_requests": 0}}, ()),
    ],
)
def test_what_is_billed_apart_is_found(usage: dict[str, Any], apart: tuple[str, ...]) -> None:
    assert billed_apart(usage) == apart


@pytest.mark.parametrize(
    ("provider", "usage", "processing"),
    [
        ("anthropic", {"service_tier": "batch"}, "batch"),
        ("anthropic", {"service_tier": "standard", "speed": "fast"}, "priority"),
        ("anthropic", {"service_tier": "priority"}, None),
        ("openai", {"service_tier": "flex", "usage": {"input_tokens": 1}}, "flex"),
        ("openai", {"service_tier": "default"}, None),
        ("google", {"trafficType": "ON_DEMAND_FLEX"}, "flex"),
        ("google", {"trafficType": "ON_DEMAND"}, None),
        ("clarifai", {"service_tier": "batch"}, None),
    ],
)
def test_processing_that_the_vendor_states_is_read(
    provider: str, usage: dict[str, Any], processing: str | None
) -> None:
    assert stated_processing(provider, usage) == processing


def test_a_batch_answer_is_priced_as_batch_unless_the_line_says_otherwise() -> None:
    line = {
        "provider": "anthropic",
        "model": "claude-sonnet-5-5",
        "usage": {"input_tokens": 1000, "output_tokens": 100, "service_tier": "batch"},
    }
    stated, told = price_lines(
        [json.dumps(line), json.dumps(line | {"processing": "standard"})],
        default_at=datetime(2026, 11, 23, tzinfo=UTC),
    )
    # 1000 x 1 + 100 x 5 = 1500; 1000 x 2 + 100 x 10 = 3000
    assert (stated["cost_usd"], stated["processing"]) == (Decimal("0.0015"), "batch")
    assert (told["cost_usd"], told["processing"]) == (Decimal("0.003"), "standard")
