from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from modelscout.benchmarks.candidates import (
    ModelFacts,
    ReplayNeed,
    SuiteScore,
    choose_candidates,
    cost_per_request,
    may_match,
    shrunken_accuracy,
    usage_of,
)
from modelscout.core.types import Processing, TokenUsage
from modelscout.costs.prices import SINCE_EVER, PriceRow

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
USAGES = (TokenUsage(input_tokens=1000, output_tokens=100), TokenUsage(input_tokens=500, output_tokens=300))


def prices(
    input_usd: str | None, output_usd: str | None, *, operation: str | None = None
) -> tuple[PriceRow, ...]:
    values: dict[str, Any] = {
        "input_usd_per_million_tokens": input_usd,
        "output_usd_per_million_tokens": output_usd,
        "operation_usd": operation,
    }
    row = PriceRow(
        provider="p",
        model_id="m",
        processing=Processing.STANDARD,
        valid_from=SINCE_EVER,
        above_input_tokens=0,
        cache_read_usd_per_million_tokens=None,
        cache_write_usd_per_million_tokens=None,
        cache_write_1h_usd_per_million_tokens=None,
        image_usd=None,
        source="test",
        estimated=False,
        **{name: None if value is None else Decimal(value) for name, value in values.items()},
    )
    return (row,)


def model(name: str, usd: str | None = "1", **changes: Any) -> ModelFacts:
    facts = ModelFacts(
        model_id=f"id-{name}",
        provider="openai",
        name=name,
        status="available",
        verified=frozenset({"text_generation"}),
        high_accuracy=80.0,
        prices=() if usd is None else prices(usd, usd),
    )
    return replace(facts, **changes)


INCUMBENT = model("incumbent", "5", status="active")


def chosen(models: list[ModelFacts], incumbent: ModelFacts | None = INCUMBENT, limit: int = 2) -> list[str]:
    need = ReplayNeed("chat", frozenset({"text_generation"}), USAGES, incumbent)
    found = choose_candidates(need, models, now=NOW, horizon_days=30, limit=limit)
    return [candidate.model_id.removeprefix("id-") for candidate in found]


def test_the_cheapest_come_first_and_the_incumbent_never() -> None:
    assert chosen([INCUMBENT, model("dear", "4"), model("cheap", "0.1"), model("middle", "2")]) == [
        "cheap",
        "middle",
    ]


@pytest.mark.parametrize(
    "unfit",
    [
        {"status": "unavailable"},
        {"status": "retired"},
        {"enabled": False},
        {"key_works": False},
        {"verified": frozenset({"image_analysis"})},
        {"prices": ()},
        {"prices": prices("1", None)},
        {"retires_on": date(2026, 12, 20)},
        {"suite_scores": {"chat": SuiteScore(2.0, 12)}},
    ],
    ids=str,
)
def test_an_unfit_model_is_no_candidate(unfit: dict[str, Any]) -> None:
    assert chosen([model("unfit", **unfit), model("fit", "4")]) == ["fit"]


def test_a_model_that_retires_after_the_horizon_is_a_candidate() -> None:
    assert chosen([model("stays", retires_on=date(2026, 12, 23))]) == ["stays"]


@pytest.mark.parametrize(
    "incumbent",
    [
        model("incumbent", "5", retires_on=date(2026, 12, 1), successor="next"),
        model("incumbent", "5", status="retired", successor="next"),
        model("incumbent", "5", status="unavailable", successor="gone"),
    ],
    ids=["retiring", "retired", "successor of the successor"],
)
def test_the_successor_of_a_leaving_incumbent_comes_first(incumbent: ModelFacts) -> None:
    gone = model("gone", status="retired", successor="next")
    models = [model("cheap", "0.1"), model("cheaper", "0.05"), gone, model("next", "9")]
    assert chosen(models, incumbent) == ["next", "cheaper"]


def test_a_successor_is_tried_even_where_the_suites_doubt_it() -> None:
    incumbent = model("incumbent", "5", status="retired", successor="next")
    assert chosen([model("next", "9", suite_scores={"chat": SuiteScore(0.0, 60)})], incumbent) == ["next"]


def test_a_staying_incumbent_has_no_successor_to_try() -> None:
    incumbent = model("incumbent", "5", successor="next")
    assert chosen([model("next", "9"), model("a", "1"), model("b", "2")], incumbent) == ["a", "b"]


def test_a_ring_of_successors_ends() -> None:
    incumbent = model("a", status="retired", successor="b")
    assert chosen([model("b", status="retired", successor="a")], incumbent) == []


def test_without_an_incumbent_price_alone_decides() -> None:
    assert chosen([model("weak", "0.1", high_accuracy=5.0), model("strong", "1")], None, 1) == ["weak"]


def test_accuracy_is_shrunk_by_ten_cases_of_the_catalog() -> None:
    facts = model("m", high_accuracy=70.0, suite_scores={"chat": SuiteScore(12.0, 12)})
    assert shrunken_accuracy(facts, "chat") == pytest.approx((7 + 12) / 22)
    assert shrunken_accuracy(facts, "search") == pytest.approx(0.7)


def test_few_cases_leave_a_chance_and_many_do_not() -> None:
    good = model("good", suite_scores={"chat": SuiteScore(12.0, 12)})
    doubtful = model("doubtful", suite_scores={"chat": SuiteScore(10.0, 12)})
    assert may_match(doubtful, good, "chat")
    good = model("good", suite_scores={"chat": SuiteScore(600.0, 600)})
    doubtful = model("doubtful", suite_scores={"chat": SuiteScore(500.0, 600)})
    assert not may_match(doubtful, good, "chat")


def test_cost_is_that_of_the_samples() -> None:
    expected = (Decimal(1500) * 2 + Decimal(400) * 10) / 1_000_000 / 2
    assert cost_per_request(USAGES, prices("2", "10"), now=NOW) == expected
    assert cost_per_request(USAGES, prices("2", None), now=NOW) is None
    assert cost_per_request((), prices("2", "10"), now=NOW) is None


def test_a_model_billed_by_operation_costs_operations() -> None:
    usage = TokenUsage(input_tokens=1000, output_tokens=50, image_count=1)
    assert cost_per_request([usage], prices(None, None, operation="0.0012"), now=NOW) == Decimal("0.0012")


def test_work_without_token_counts_is_not_free_on_a_model_with_tokens() -> None:
    baseline = TokenUsage(image_count=1, operations=1)
    usage = usage_of(baseline, estimated_input_tokens=1050, has_image=True)
    assert usage.input_tokens == 1050
    assert usage.output_tokens > 0
    cost = cost_per_request([usage], prices("1", "1"), now=NOW)
    assert cost is not None
    assert cost > 0


def test_cached_tokens_count_in_full_where_no_cache_price_is_known() -> None:
    usage = TokenUsage(input_tokens=1000, output_tokens=0, cache_read_tokens=900)
    assert cost_per_request([usage], prices("1", "1"), now=NOW) == Decimal("0.001")
