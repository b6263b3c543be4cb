"""Break-even points: both sides evaluated one photo below, at and above, for any two costs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelscout.core.errors import ConfigurationError
from modelscout.costs.breakeven import BreakEven, CostLine, break_even
from modelscout.costs.projection import MonthStatus, ProjectedMonth, Projection, add_months
from modelscout.costs.projection_returns import switch_return

money = st.decimals(0, 1000, places=4).map(Fraction)
per_photo = st.decimals(0, 1, places=6).map(Fraction)


def line(name: str, fixed: str, each: str) -> CostLine:
    return CostLine(name, Fraction(fixed), Fraction(each))


@settings(deadline=None, derandomize=True)
@given(money, per_photo, money, per_photo)
def test_one_is_strictly_cheaper_from_the_point_on_and_not_one_photo_before(
    fixed_a: Fraction, each_a: Fraction, fixed_b: Fraction, each_b: Fraction
) -> None:
    a, b = CostLine("a", fixed_a, each_a), CostLine("b", fixed_b, each_b)
    found = break_even(a, b)
    if found is None:
        assert (fixed_a, each_a) == (fixed_b, each_b)
        return
    cheaper, other = (a, b) if found.cheaper == "a" else (b, a)
    n = found.from_photos
    for photos in (n, n + 1, 2 * n + 1000, 10**12):
        assert cheaper.at(photos) < other.at(photos)
    if n:
        assert cheaper.at(n - 1) >= other.at(n - 1)


@settings(deadline=None, derandomize=True)
@given(money, per_photo, money, per_photo)
def test_the_order_of_the_two_does_not_matter(
    fixed_a: Fraction, each_a: Fraction, fixed_b: Fraction, each_b: Fraction
) -> None:
    a, b = CostLine("a", fixed_a, each_a), CostLine("b", fixed_b, each_b)
    assert break_even(a, b) == break_even(b, a)


@pytest.mark.parametrize(
    ("a", "b", "cheaper", "photos"),
    [
        pytest.param(("0", "0.2"), ("30", "0.1"), "b", 301, id="equal at exactly 300, so cheaper from 301"),
        pytest.param(("0", "0.2"), ("30.1", "0.1"), "b", 302, id="equal at 301"),
        pytest.param(("0", "0.2"), ("30.05", "0.1"), "b", 301, id="crosses between 300 and 301"),
        pytest.param(("5", "0.2"), ("5", "0.1"), "b", 1, id="without photos both cost the plan"),
        pytest.param(("5", "0.1"), ("6", "0.1"), "a", 0, id="the smaller plan always wins"),
        pytest.param(("1", "0.1"), ("6", "0.2"), "a", 0, id="cheaper in both ways"),
        pytest.param(("7", "0"), ("0", "0.002"), "a", 3501, id="a flat rate"),
    ],
)
def test_point(a: tuple[str, str], b: tuple[str, str], cheaper: str, photos: int) -> None:
    found = break_even(line("a", *a), line("b", *b))
    assert found is not None
    assert (found.cheaper, found.from_photos) == (cheaper, photos)
    assert (found.one_below is None) == (photos == 0)


def test_the_sides_are_shown() -> None:
    found = break_even(line("a", "0", "0.2"), line("b", "30.05", "0.1"))
    assert isinstance(found, BreakEven)
    assert found.one_below is not None
    assert found.one_below[:] == (300, Decimal("60.05"), Decimal("60"))
    assert found.at[:] == (301, Decimal("60.15"), Decimal("60.2"))
    assert found.one_above[:] == (302, Decimal("60.25"), Decimal("60.4"))


def test_equal_costs_have_no_break_even() -> None:
    assert break_even(line("a", "1", "2"), line("b", "1", "2")) is None


PHOTOS = 100


def projection(model: str, monthly: list[str | None]) -> Projection:
    start = date(2026, 12, 1)
    months = []
    for i, usd in enumerate(monthly):
        rate = None if usd is None else CostLine(model, Fraction(0), Fraction(usd) / PHOTOS)
        months.append(
            ProjectedMonth(
                starts_on=add_months(start, i),
                ends_before=add_months(start, i + 1),
                status=MonthStatus.RETIRED if usd is None else MonthStatus.PRICED,
                cost_usd=None if usd is None else Decimal(usd),
                photos_not_served=0,
                note="retired on 2027-01-01" if usd is None else None,
                line=rate,
            )
        )
    known = [m.cost_usd for m in months if m.cost_usd is not None]
    return Projection(model, tuple(months), sum(known, Decimal(0)), monthly.count(None), 0)


@pytest.mark.parametrize(
    ("current", "candidate", "cost", "net", "roi", "payback"),
    [
        (["10", "10", "10"], ["4", "4", "4"], "12", "6", "0.5", 2),
        (["10", "10", "10"], ["4", "4", "4"], "12.01", "5.99", "0.4988", 3),
        (["10", "10"], ["4", "4"], "12.01", "-0.01", "-0.0008", None),
        (["10", "10"], ["4", "4"], "0", "12", None, 1),
        (["10", "10"], ["10", "10"], "0", "0", None, None),
        (["10", "10", "10"], ["4", "20", "4"], "0", "2", None, 3),
        (["10", "10", "10"], ["4", "9", "30"], "5", "-18", "-3.6", None),
        ([None, "10", "10"], ["4", "4", "4"], "6", "6", "1", 2),
    ],
)
def test_switch(
    current: list[str | None],
    candidate: list[str | None],
    cost: str,
    net: str,
    roi: str | None,
    payback: int | None,
) -> None:
    found = switch_return(
        projection("old", current), projection("new", candidate), switching_cost_usd=Decimal(cost)
    )
    assert found.net_saving_usd == Decimal(net)
    assert found.return_on_investment == (None if roi is None else Decimal(roi))
    assert found.payback_month == payback


def test_months_without_a_price_are_left_out_and_named() -> None:
    found = switch_return(
        projection("old", ["10", None]), projection("new", ["4", "4"]), switching_cost_usd=Decimal(0)
    )
    assert (found.months_compared, found.saving_usd) == (1, Decimal(6))
    assert found.not_compared == ("2027-01-01: old: retired on 2027-01-01",)


def test_switch_without_any_common_month_says_nothing() -> None:
    found = switch_return(projection("old", [None]), projection("new", ["4"]), switching_cost_usd=Decimal(5))
    assert (found.months_compared, found.payback_month, found.break_even) == (0, None, None)


def test_negative_switching_cost_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 0"):
        switch_return(projection("a", ["1"]), projection("b", ["1"]), switching_cost_usd=Decimal(-1))
