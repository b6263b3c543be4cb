"""What is advised about a model that goes away: deadline, exposure, cost difference, what to test, what would help."""

from __future__ import annotations

from typing import Any

import pytest
from recommender_rows import (
    ACME,
    GLOBEX,
    MODELS,
    add_price,
    block,
    change,
    good,
    night,
    recommendation,
    replay,
)
from sqlalchemy import Engine

from modelscout.demo.report import retirement_lines
from modelscout.recommender.read import list_alerts

pytestmark = pytest.mark.usefixtures("two_organizations")

RETIRES = (
    "UPDATE ai_models SET retires_on = '2026-12-03', successor_model_id = :next WHERE name = 'incumbent'"
)


def retire(engine: Engine, successor: str | None = "other") -> None:
    change(engine, RETIRES, next=successor)


def priced_traffic(engine: Engine, *, cost_usd: float | None = 7.0) -> None:
    """On each of the seven days before NOW 500 standard and 500 batch calls of ACME, a million tokens each way."""
    for processing in ("standard", "batch"):
        change(
            engine,
            "INSERT INTO ai_usage_priced_sums SELECT :o, d, 'chat', :m, 'openai', 'incumbent', '', :processing, 3, d, "
            "d, 2000, 2000, 500, 1000000, 1000000, 0, 0, 0, 0, 0, :cost, FALSE "
            "FROM generate_series(timestamptz '2026-11-16Z', '2026-11-22Z', interval '1 day') AS d",
            o=ACME,
            m=MODELS["incumbent"],
            processing=processing,
            cost=cost_usd,
        )


def plan(engine: Engine) -> dict[str, Any]:
    return recommendation(engine)["evidence"]["retirement"]  # type: ignore[no-any-return]


@pytest.mark.usefixtures("cheap_is_proven")
def test_the_best_proven_successor_with_deadline_exposure_and_difference(
    pipeline: Engine, engine: Engine
) -> None:
    retire(engine)
    night(pipeline)
    row, found = recommendation(pipeline), plan(pipeline)
    assert (row["verdict"], row["recommended_model"], found["source"]) == ("migrate", "cheap", "proven")
    assert (found["deadline"], found["days_left"]) == ("2026-12-03", 10)
    # Ten dollars a day on the incumbent, half of it on the same items.
    assert found["exposure_usd_per_day"] == pytest.approx(10)
    assert found["difference_usd_per_day"] == pytest.approx(-5, rel=0.001)
    assert found["difference_basis"] == "costs on replayed items"
    assert found["to_test"] == []


def test_else_the_vendors_own_priced_on_the_features_own_tokens_at_the_day_of_the_change(
    pipeline: Engine, engine: Engine
) -> None:
    retire(engine)
    priced_traffic(engine)
    add_price(engine, "other", 2, 3)
    add_price(engine, "other", 4, 6, since="2026-12-02", organization_id=ACME)
    add_price(engine, "other", 1, 1, processing="batch")
    add_price(engine, "other", 99, 99, since="2026-12-04", organization_id=GLOBEX)
    night(pipeline)
    row, found = recommendation(pipeline), plan(pipeline)
    assert (row["recommended_model"], found["source"], found["successor"]) == ("other", "vendor", "other")
    assert found["difference_usd_per_day"] == pytest.approx((4 + 6) + (1 + 1) - 14)
    assert any("costs $2.00 a day less" in sentence for sentence in row["reasons"])
    assert "the price of other changes on 2026-12-02: calculate it again for that day." in found["to_test"]


def test_an_unknown_price_leaves_the_difference_unknown(pipeline: Engine, engine: Engine) -> None:
    retire(engine)
    priced_traffic(engine)
    add_price(engine, "other", 2, 3)
    night(pipeline)
    # It has no price for batch processing.
    found = plan(pipeline)
    assert found["difference_usd_per_day"] is None
    assert found["difference_basis"] == "unknown: other has no price for some of this traffic"
    add_price(engine, "other", 1, 1, processing="batch")
    change(engine, "UPDATE ai_usage_priced_sums SET cost_usd = NULL WHERE processing = 'batch'")
    night(pipeline)
    assert plan(pipeline)["difference_usd_per_day"] is None
    assert "were not priced" in plan(pipeline)["difference_basis"]


def test_what_to_test_before_is_made_of_facts(pipeline: Engine, engine: Engine) -> None:
    retire(engine)
    change(engine, "UPDATE ai_features SET required_capabilities = '{tool_use,structured_output,streaming}'")
    change(engine, 'UPDATE ai_feature_settings SET parameters = \'{"top_p": 1, "temperature": 0.2}\'')
    for name, result in (("tool_use", "contradicted"), ("streaming", "verified")):
        change(
            engine,
            "INSERT INTO ai_model_capabilities (model_id, capability, result) VALUES (:m, :name, :result)",
            m=MODELS["other"],
            name=name,
            result=result,
        )
    night(pipeline)
    first = plan(pipeline)["to_test"]
    assert first[0].startswith("a probe found other without tool_use")
    assert first[1].startswith("structured_output was not verified on other yet")
    assert not any("streaming" in sentence for sentence in first)
    assert any(
        "items answered by both models would prove an equal one at a margin of 5 points" in s for s in first
    )
    assert first[-1] == "the feature sets temperature, top_p: whether other takes it was not tried."
    replay(engine, "incumbent", good(50))
    replay(engine, "other", [*good(40), *[None] * 10], error_type="bad_request")
    change(
        engine,
        "UPDATE ai_benchmark_results SET error_message = 'temperature is not supported' WHERE score IS NULL",
    )
    night(pipeline)
    later = plan(pipeline)["to_test"]
    assert any("it measures -20.0 points on 50 items" in sentence for sentence in later)
    assert later[-1] == (
        "10 of 50 replays were refused as a bad request (temperature is not supported); the feature sets "
        "temperature, top_p."
    )
    assert f"Before the change: {later[-1]}" in recommendation(pipeline)["tradeoffs"]


def test_a_successor_that_retires_too_is_passed_over(pipeline: Engine, engine: Engine) -> None:
    retire(engine)
    change(
        engine,
        "UPDATE ai_models SET retires_on = '2026-12-10', successor_model_id = 'cheap' WHERE name = 'other'",
    )
    night(pipeline)
    assert (recommendation(pipeline)["recommended_model"], plan(pipeline)["source"]) == ("cheap", "vendor")


def test_where_nothing_is_usable_it_says_so_and_what_would_help(pipeline: Engine, engine: Engine) -> None:
    retire(engine)
    change(engine, "UPDATE ai_models SET retires_on = '2026-11-20' WHERE name = 'incumbent'")
    change(
        engine,
        "UPDATE ai_model_availability SET status = 'retired' WHERE model_id = :m",
        m=MODELS["incumbent"],
    )
    change(
        engine,
        "UPDATE ai_model_availability SET status = 'unavailable' WHERE model_id = :m",
        m=MODELS["other"],
    )
    night(pipeline)
    row, found = recommendation(pipeline), plan(pipeline)
    assert (row["recommended_model"], found["source"], found["difference_usd_per_day"]) == (None, None, None)
    assert "was retired on 2026-11-20" in row["reasons"][0]
    assert found["would_help"] == [
        "other follows it and cannot be used with your keys: enable it with a working openai key.",
        "1 models of your keys outlive it, such as openai/cheap: allow workload samples (0 are kept) so that they can "
        "be tried.",
    ]
    assert any("nothing usable follows it" in line for line in retirement_lines(row))
    change(engine, "UPDATE organization_provider_keys SET enabled = FALSE")
    change(engine, "UPDATE ai_models SET successor_model_id = NULL")
    night(pipeline)
    assert plan(pipeline)["would_help"] == [
        "The provider names no successor of incumbent.",
        "None of your keys can use a model that outlives it: add a key, or mend one that is refused.",
    ]


@pytest.mark.usefixtures("cheap_is_proven")
def test_the_printed_list_names_deadline_exposure_successor_and_difference(
    pipeline: Engine, engine: Engine
) -> None:
    retire(engine)
    night(pipeline)
    assert retirement_lines(recommendation(pipeline)) == [
        "acme chat: leave incumbent by 2026-12-03; exposure $10.00 a day, to cheap (proven), difference -$5.00 a day "
        "(costs on replayed items)"
    ]


# Steady from night to night


@pytest.mark.usefixtures("cheap_is_proven")
def test_two_candidates_that_are_about_as_good_do_not_take_turns(pipeline: Engine, engine: Engine) -> None:
    replay(engine, "other", good(), cost_usd=0.01)
    # Items cost from a fifth to nine fifths of the mean: a saving is known to about seven per cent.
    change(
        engine,
        "UPDATE ai_benchmark_results "
        "SET cost_usd = cost_usd * (0.2 + abs(hashtext(case_key || model_id)) % 1601 / 1000.0)",
    )
    night(pipeline)
    assert recommendation(pipeline)["verdict"] == "switch"
    first = recommendation(pipeline)["recommended_model"]
    other = {"cheap": "other", "other": "cheap"}[first]
    for number, share, expected in ((1, 0.98, first), (2, 0.97, first), (3, 0.5, other)):
        change(
            engine,
            "UPDATE ai_benchmark_results SET cost_usd = cost_usd * :share * "
            "(SELECT sum(cost_usd) FROM ai_benchmark_results WHERE model_id = :first) / "
            "(SELECT sum(cost_usd) FROM ai_benchmark_results WHERE model_id = :other) WHERE model_id = :other",
            share=share,
            first=MODELS[first],
            other=MODELS[other],
        )
        night(pipeline, number)
        assert recommendation(pipeline)["recommended_model"] == expected, share


@pytest.mark.usefixtures("cheap_is_proven")
def test_savings_are_net_of_switching_and_of_what_is_still_to_be_proven(
    pipeline: Engine, engine: Engine
) -> None:
    change(engine, "UPDATE ai_feature_settings SET switching_cost_usd = 1000")
    night(pipeline)
    row = recommendation(pipeline)
    year = 12 * row["saving_usd_per_month"]
    assert row["evidence"]["net_saving_first_year_usd"] == pytest.approx(year - 1000, abs=0.1)
    change(engine, "UPDATE ai_feature_settings SET switching_cost_usd = :cost", cost=year + 100)
    night(pipeline, 1)
    assert recommendation(pipeline)["verdict"] == "keep"
    assert any("would not surely earn back" in s for s in recommendation(pipeline)["reasons"])


# Alerts


def test_a_retirement_is_an_alert_until_the_feature_moves_on(pipeline: Engine, engine: Engine) -> None:
    change(engine, "UPDATE ai_models SET retires_on = '2026-12-03' WHERE id = :m", m=MODELS["incumbent"])
    for number in (0, 0, 1):
        assert night(pipeline, number) == {"migrate": 2}
    alerts = list_alerts(pipeline, organization="acme")
    assert [(a["kind"], a["severity"]) for a in alerts] == [("retirement", "critical")]
    assert alerts[0]["details"]["days"] == 9
    assert float(alerts[0]["details"]["exposure_usd_per_day"]) == pytest.approx(10)
    change(engine, "UPDATE ai_feature_settings SET current_model_id = :m WHERE organization_id = :o",
           m=MODELS["cheap"], o=ACME)  # fmt: skip
    night(pipeline, 2)
    assert [a["organization"] for a in list_alerts(pipeline)] == ["globex"]


def test_the_alert_of_an_organization_that_is_held_up_stays(pipeline: Engine, engine: Engine) -> None:
    change(engine, "UPDATE ai_models SET retires_on = '2026-12-03' WHERE id = :m", m=MODELS["incumbent"])
    night(pipeline)
    block(engine)
    night(pipeline, 1)
    assert [a["kind"] for a in list_alerts(pipeline, organization="acme")] == ["reconciliation", "retirement"]
