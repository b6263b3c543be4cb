"""Which models the calculator follows over the volume, the months and a switch."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from modelscout.analytics.calculator import CostQuestion, calculate
from modelscout.costs.calculator import RESOLUTIONS

NOW = datetime(2026, 11, 24, tzinfo=UTC)
QUESTION = CostQuestion(
    photos_per_month=1000,
    size=RESOLUTIONS["medium"],
    features={"photo_tagging": Decimal(1)},
    current="openai/gpt-4o",
    months=2,
)


def test_a_limit_follows_the_cheapest_and_the_one_in_use_with_the_same_figures() -> None:
    whole, bounded = calculate(QUESTION, now=NOW), calculate(replace(QUESTION, most_followed=3), now=NOW)
    assert bounded.models == whole.models
    cheapest = [cost.model for cost in whole.models[:3]]
    assert [p.model for p in bounded.projections] == [*cheapest, "openai/gpt-4o"]
    assert bounded.projections == tuple(p for p in whole.projections if p in bounded.projections)
    assert bounded.switches == tuple(s for s in whole.switches if s.candidate in cheapest)
    assert bounded.images == tuple(a for a in whole.images if a.model in (*cheapest, "openai/gpt-4o"))
    assert {curve.model for curve in bounded.curves} == {*cheapest, "openai/gpt-4o"}


def test_without_a_limit_every_model_is_followed() -> None:
    report = calculate(QUESTION, now=NOW)
    assert [p.model for p in report.projections] == [cost.model for cost in report.models]


def test_a_curve_is_the_models_monthly_cost_at_its_volumes() -> None:
    plan = replace(QUESTION, models=("openai/gpt-4o",), fixed_usd_per_month={"openai/gpt-4o": Decimal(30)})
    report = calculate(plan, now=NOW)
    (curve,) = report.curves
    asked = report.models[0]
    assert asked.usd_per_photo is not None
    assert [(p.photos, p.monthly_usd) for p in curve.points] == [
        (0, Decimal(30)),
        (1000, asked.monthly_usd),
        (2000, 30 + 2000 * asked.usd_per_photo),
    ]
