"""A month on a model: exact, refusing to guess, and adding up over any split of the time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability, Processing
from modelscout.costs.calculator import (
    RESOLUTIONS,
    FeatureWork,
    ModelCost,
    Offer,
    Workload,
    cost_of,
    parse_size,
    to_usd,
)
from modelscout.costs.calculator_images import tokens_per_image
from modelscout.costs.calculator_savings import image_advice
from modelscout.costs.prices import SINCE_EVER, PriceRow
from modelscout.costs.projection import MonthStatus, add_months, project

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOW.date()
TAGGING = FeatureWork("photo_tagging", 150, 30, 1)
TEXT = FeatureWork("chat", 1000, 200, 0)


def row(
    *,
    given_input: str | None = "1",
    output: str | None = "4",
    valid_from: datetime = SINCE_EVER,
    processing: Processing = Processing.STANDARD,
    above: int = 0,
    cache_read: str | None = None,
    cache_write: str | None = None,
    operation: str | None = None,
    estimated: bool = False,
) -> PriceRow:
    def price(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    return PriceRow(
        provider="openai",
        model_id="gpt-4o",
        processing=processing,
        valid_from=valid_from,
        above_input_tokens=above,
        input_usd_per_million_tokens=price(given_input),
        output_usd_per_million_tokens=price(output),
        cache_read_usd_per_million_tokens=price(cache_read),
        cache_write_usd_per_million_tokens=price(cache_write),
        cache_write_1h_usd_per_million_tokens=None,
        operation_usd=price(operation),
        image_usd=None,
        source="test",
        estimated=estimated,
    )


def offer(*rows: PriceRow, model: str = "gpt-4o", provider: str = "openai", **more: object) -> Offer:
    return replace(Offer(provider, model, rows or (row(),)), **more)  # type: ignore[arg-type]


def work(*features: FeatureWork, photos: int = 1000, **more: object) -> Workload:
    return replace(Workload(photos, RESOLUTIONS["medium"], features or (TAGGING,)), **more)  # type: ignore[arg-type]


def cost(an_offer: Offer, workload: Workload | None = None) -> ModelCost:
    return cost_of(an_offer, workload or work(), at=NOW)


def test_a_month_is_the_plan_and_the_photos() -> None:
    found = cost(offer(fixed_usd_per_month=Decimal("20")))
    # 765 image tokens: (915 x 1 + 30 x 4) / 10^6 a photo.
    assert found.usd_per_photo == Decimal("0.001035")
    assert found.monthly_usd == Decimal("21.035")
    assert found.tokens_per_photo == 945


def test_features_add_up_by_how_often_a_photo_causes_them() -> None:
    both = cost(offer(), work(TAGGING, replace(TEXT, requests_per_photo=Decimal("0.25"))))
    assert both.usd_per_photo == Decimal("0.001035") + Decimal("0.0018") / 4
    assert both.tokens_per_photo == 945 + 300


@pytest.mark.parametrize(
    ("an_offer", "workload", "reason"),
    [
        pytest.param(offer(row(output=None)), work(), "no price for output tokens", id="no output price"),
        pytest.param(
            offer(row()), work(processing=Processing.BATCH), "no price for batch processing", id="no batch"
        ),
        pytest.param(offer(retires_on=TODAY), work(), "retired on 2026-11-23", id="retires today"),
        pytest.param(
            offer(capabilities=frozenset({Capability.TEXT_GENERATION})),
            work(),
            "the model has no image_analysis",
            id="blind",
        ),
        pytest.param(
            offer(capabilities=frozenset()),
            work(replace(TEXT, required=frozenset({Capability.TEXT_GENERATION}))),
            "the model has no text_generation",
            id="mute",
        ),
        pytest.param(
            offer(context_window_tokens=944),
            work(),
            "a request of 945 tokens exceeds the context window of 944",
            id="too long",
        ),
        pytest.param(
            offer(model="gpt-99"),
            work(),
            "no documented rule for the image tokens of openai/gpt-99",
            id="no rule",
        ),
        pytest.param(
            offer(),
            work(detail="medium"),
            "openai/gpt-4o knows no detail 'medium': use one of low, high",
            id="no such detail",
        ),
        pytest.param(
            offer(),
            work(replace(TEXT, cache_read_tokens=500)),
            "no price for cache read tokens",
            id="no cache read price",
        ),
    ],
)
def test_unknown_says_why_and_is_not_zero(an_offer: Offer, workload: Workload, reason: str) -> None:
    found = cost(an_offer, workload)
    assert (found.monthly_usd, found.usd_per_photo, found.usd_per_1k_tokens) == (None, None, None)
    assert found.reasons == (reason,)
    assert found.unpriced_features == 1


def test_one_unknown_feature_makes_the_month_unknown_but_keeps_what_is_known() -> None:
    found = cost(offer(capabilities=frozenset({Capability.TEXT_GENERATION})), work(TAGGING, TEXT))
    assert found.monthly_usd is None
    assert found.known_monthly_usd == Decimal("1.8")
    assert found.reasons == ("photo_tagging: the model has no image_analysis",)


def test_a_model_that_caches_by_itself_takes_writes_as_plain_input() -> None:
    writing = replace(TEXT, cache_write_tokens=600)
    assert cost(offer(), work(writing)).usd_per_photo == cost(offer(), work(TEXT)).usd_per_photo
    assert cost(offer(row(cache_write="2")), work(writing)).usd_per_photo == Decimal("0.0024")


def test_a_long_request_pays_its_own_tier_not_that_of_the_month() -> None:
    tiers = (row(), row(given_input="10", above=2000))
    assert cost(offer(*tiers), work(photos=10**6)).usd_per_photo == Decimal("0.001035")
    long = replace(TEXT, prompt_tokens=2001)
    assert cost(offer(*tiers), work(long)).usd_per_photo == Decimal("0.02081")


def test_operations_are_one_for_each_photo() -> None:
    found = cost(
        offer(
            row(given_input=None, output=None, operation="0.0012"),
            provider="clarifai",
            model="food-item-recognition",
        )
    )
    assert (found.monthly_usd, found.usd_per_1k_tokens) == (Decimal("1.2"), None)


def test_detail_is_ignored_where_a_model_has_none() -> None:
    size = RESOLUTIONS["medium"]
    assert tokens_per_image("anthropic", "claude-haiku-5-5", size, "low")[:2] == (1369, None)


@settings(deadline=None, derandomize=True)
@given(st.integers(0, 10**9), st.integers(0, 10**9), st.decimals(0, 500, places=2))
def test_photos_add_up(some: int, more: int, plan: Decimal) -> None:
    model = offer(fixed_usd_per_month=plan)
    months = [cost(model, work(TAGGING, TEXT, photos=n)).monthly_usd for n in (some, more, some + more)]
    first, second, together = months
    assert first is not None
    assert second is not None
    assert together is not None
    assert Fraction(first) + Fraction(second) - Fraction(plan) == Fraction(together)


@pytest.mark.parametrize("text", ["", "huge", "0x10", "10", "10x", "-1x5", "1920x1080x3", "x"])
def test_unknown_resolution_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="low, medium, high or pixels"):
        parse_size(text)


def test_pixels_are_read() -> None:
    assert parse_size("1920x1080")[1:] == (1920, 1080)


@pytest.mark.parametrize(
    "make",
    [
        lambda: work(photos=-1),
        lambda: Workload(1, RESOLUTIONS["low"], ()),
        lambda: replace(TEXT, prompt_tokens=-1),
        lambda: replace(TEXT, cache_read_tokens=1001),
    ],
)
def test_work_without_a_meaning_is_refused(make: object) -> None:
    with pytest.raises(ConfigurationError):
        make()  # type: ignore[operator]


def test_amounts_are_exact_where_they_can_be() -> None:
    assert to_usd(Fraction(1, 8)) == Decimal("0.125")
    assert to_usd(Fraction(2, 3)) == Decimal("0.666666666667")
    assert str(to_usd(Fraction(1200))) == "1200"


# Projection.
days = st.integers(-400, 400).map(lambda n: datetime(2026, 12, 1, tzinfo=UTC) + timedelta(hours=7 * n))
prices = st.decimals(0, 100, places=3).map(str)
dated_rows = st.lists(st.tuples(days, prices), max_size=4, unique_by=lambda t: t[0]).map(
    lambda found: (row(), *(row(given_input=price, valid_from=at) for at, price in found))
)
retirements = st.none() | st.dates(date(2026, 6, 1), date(2027, 12, 1))


@settings(deadline=None, derandomize=True)
@given(dated_rows, retirements, st.dates(date(2026, 1, 1), date(2027, 1, 31)), st.integers(1, 8))
def test_a_total_is_the_sum_of_its_months_and_of_its_parts(
    rows: tuple[PriceRow, ...], retires_on: date | None, start: date, months: int
) -> None:
    model = offer(*rows, retires_on=retires_on)
    whole = project(model, work(), starts_on=start, months=months)
    assert whole.total_usd == sum((m.cost_usd or Decimal(0) for m in whole.months), Decimal(0))
    assert whole.months[0].starts_on == start
    if start.day <= 28:  # Else the second part begins on another day of the month.
        parts = [
            project(model, work(), starts_on=add_months(start, i), months=1).months[0] for i in range(months)
        ]
        assert [p.cost_usd for p in parts] == [m.cost_usd for m in whole.months]


@settings(deadline=None, derandomize=True)
@given(st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(1, 24))
def test_without_changes_every_month_costs_a_month(start: date, months: int) -> None:
    model = offer(fixed_usd_per_month=Decimal("9.99"))
    monthly = cost(model).monthly_usd
    assert monthly is not None
    assert project(model, work(), starts_on=start, months=months).total_usd == months * monthly


@settings(deadline=None, derandomize=True)
@given(dated_rows, st.dates(date(2026, 1, 1), date(2027, 12, 31)))
def test_a_month_lies_between_its_cheapest_and_its_dearest_price(
    rows: tuple[PriceRow, ...], start: date
) -> None:
    month = project(offer(*rows), work(), starts_on=start, months=1).months[0]
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    end = begin + (month.ends_before - start)
    moments = [begin, *(r.valid_from for r in rows if begin < r.valid_from < end)]
    costs = [cost_of(offer(*rows), work(), at=at).monthly_usd for at in moments]
    assert month.cost_usd is not None
    assert min(c for c in costs if c is not None) <= month.cost_usd <= max(c for c in costs if c is not None)


def test_retirement_ends_the_cost_to_the_day() -> None:
    model = offer(retires_on=date(2026, 12, 11), successor="gpt-6-luna", fixed_usd_per_month=Decimal(5))
    first, second = project(model, work(photos=3100), starts_on=date(2026, 12, 1), months=2).months
    assert (first.status, first.photos_not_served) == (MonthStatus.RETIRES, 2100)
    assert first.cost_usd == 5 + 1000 * Decimal("0.001035")
    assert (second.status, second.cost_usd, second.photos_not_served) == (MonthStatus.RETIRED, None, 3100)
    assert second.note == "retired on 2026-12-11; successor openai/gpt-6-luna"


def test_a_price_that_ends_in_the_unknown_makes_the_month_unknown() -> None:
    model = offer(row(), row(given_input=None, valid_from=datetime(2026, 12, 20, tzinfo=UTC)))
    found = project(model, work(), starts_on=date(2026, 12, 1), months=2)
    assert [m.status for m in found.months] == [MonthStatus.UNPRICED] * 2
    assert found.months[0].note == "no price for input tokens"
    assert (found.total_usd, found.months_not_priced) == (0, 2)


def test_a_change_is_named_once_with_both_prices() -> None:
    model = offer(row(), row(given_input="2", valid_from=datetime(2027, 1, 1, tzinfo=UTC)))
    months = project(model, work(), starts_on=date(2026, 12, 1), months=3).months
    assert [m.note for m in months] == [None, "from 2027-01-01 $0.00195 a photo instead of $0.001035", None]


@pytest.mark.parametrize("months", [0, 121])
def test_length_of_a_projection_is_bounded(months: int) -> None:
    with pytest.raises(ConfigurationError, match="1 to 120"):
        project(offer(), work(), starts_on=TODAY, months=months)


def test_months_end_on_the_last_day_where_the_day_is_missing() -> None:
    assert [add_months(date(2027, 1, 31), n) for n in (0, 1, 2, 11, 12)] == [
        date(2027, 1, 31),
        date(2027, 2, 28),
        date(2027, 3, 31),
        date(2027, 12, 31),
        date(2028, 1, 31),
    ]


# What saves most.
def test_the_cheapest_way_to_send_a_photo_is_the_one_that_changes_least() -> None:
    advice = image_advice(offer(), work(size=RESOLUTIONS["high"]), at=NOW)
    assert advice is not None
    assert advice.best is not None
    # `low` costs 85 tokens at every size: the photo may stay as it is.
    assert (advice.best.resolution, advice.best.detail, advice.best.image_tokens) == ("high", "low", 85)
    assert advice.best.saving_usd_per_month == Decimal("0.68")
    assert {o.resolution for o in advice.options} == {"low", "medium", "high"}


def test_photos_are_never_enlarged() -> None:
    advice = image_advice(offer(), work(size=RESOLUTIONS["low"], detail="low"), at=NOW)
    assert advice is not None
    assert advice.best is None
    assert {o.resolution for o in advice.options} == {"low"}


def test_no_advice_without_photos_or_without_a_price() -> None:
    assert image_advice(offer(), work(TEXT), at=NOW) is None
    assert image_advice(offer(row(given_input=None)), work(), at=NOW) is None
