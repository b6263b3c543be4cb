"""Which of several values is the best, and when nobody can tell."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from modelscout.analytics.comparison import compare
from modelscout.analytics.comparison_lines import (
    Value,
    best_of,
    best_within_intervals,
    lines_of,
    suitability_of,
)
from modelscout.core.types import UseCase
from modelscout.costs.calculator import parse_size

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "more_is_better", "best"),
    [
        ((1, 2, 3), True, (2,)),
        ((1, 2, 3), False, (0,)),
        ((1, 2, 3), None, ()),
        ((None, 2, 3), False, (1,)),
        ((None, 2, None), False, ()),
        ((2, 2, 2), True, ()),
        ((2, 2, 3), False, (0, 1)),
        ((Decimal("0.1"), 0.2), False, (0,)),
        ((0, 1), False, (0,)),
        (("low", "very_high", "medium"), True, (1,)),
        (("verified", "documented"), None, ()),
        ((), True, ()),
    ],
)
def test_the_best_of_the_known_values(
    values: tuple[Value, ...], more_is_better: bool | None, best: tuple[int, ...]
) -> None:
    assert best_of(values, more_is_better=more_is_better) == best


@pytest.mark.parametrize(
    ("values", "intervals", "best"),
    [
        ((0.9, 0.5), ((0.8, 0.95), (0.4, 0.6)), (0,)),
        ((0.9, 0.85, 0.5), ((0.8, 0.95), (0.7, 0.9), (0.4, 0.6)), (0, 1)),
        ((0.9, 0.85), ((0.8, 0.95), (0.7, 0.9)), ()),
        ((0.9, None, 0.5), ((0.8, 0.95), None, (0.4, 0.6)), (0,)),
        ((0.9, 0.9, 0.5), ((0.88, 0.92), (0.7, 0.99), (0.4, 0.6)), (0, 1)),
    ],
)
def test_what_intervals_do_not_tell_apart_is_equally_good(
    values: tuple[Value, ...], intervals: tuple[tuple[float, float] | None, ...], best: tuple[int, ...]
) -> None:
    assert best_within_intervals(values, intervals, more_is_better=True) == best


def test_the_lines_of_a_comparison_without_a_warehouse() -> None:
    names = ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5", "google/gemini-3.8-flash"]
    found = compare(names, now=NOW, size=parse_size("medium"))
    lines = {line.key: line for line in lines_of(found)}
    assert all(len(line.values) == len(line.intervals) == 3 for line in lines.values())
    assert {line.category.value for line in lines.values()} == {
        "performance", "capabilities", "costs", "limits",
    }  # fmt: skip
    assert lines["image_usd"].values[0] == found.models[0].costs.image_usd
    assert lines["image_usd"].best == (0,)
    assert lines["monthly_usd"].values == (None, None, None)
    assert lines["image_analysis"].values == ("documented",) * 3
    assert "duration_ms" not in lines, "what nobody measured is no line"
    suits = suitability_of(found)
    assert len(suits) == 3 * len(UseCase)
    assert suits[0].score == found.models[0].use_cases[suits[0].use_case].score
