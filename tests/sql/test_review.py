"""What came of recommendations: the realised saving, as a role."""

from __future__ import annotations

from datetime import timedelta

import pytest
from recommender_rows import (
    ACME,
    GLOBEX,
    MODELS,
    NIGHT,
    NOW,
    add_price,
    change,
    night,
    rows,
)
from review_support import HIGH, LOW, after, judge, look, outcome, per_month, traffic
from sqlalchemy import Engine

from modelscout.analytics.rollup import roll_up
from modelscout.recommender.review import review

pytestmark = pytest.mark.usefixtures("two_organizations")


@pytest.mark.usefixtures("applied")
def test_the_saving_is_the_same_requests_at_the_former_models_tokens_by_kind(
    pipeline: Engine, engine: Engine
) -> None:
    """A mean over all requests would say that the switch cost money: the requests have become harder."""
    for n in (1, 2):
        after(engine, n)
    look(pipeline, 3)
    found = outcome(pipeline)
    low, high = 200 * 10e-6 + 100 * 30e-6, 4000 * 10e-6 + 1000 * 30e-6
    paid = 50 * (200 * 5e-6 + 80 * 10e-6) + 50 * (4000 * 5e-6 + 1500 * 10e-6)
    assert (found["compared_days"], found["compared_answers"]) == (2, 200)
    assert found["details"]["answers_of_new_kinds"] == 0
    assert float(found["realised_saving_usd_per_month"]) == per_month(50 * low + 50 * high - paid)
    # Requests of a kind are all alike here, so that nothing is uncertain.
    assert found["realised_saving_low_usd_per_month"] == found["realised_saving_high_usd_per_month"]


@pytest.mark.usefixtures("priced")
def test_failed_attempts_are_paid_on_both_sides(pipeline: Engine, engine: Engine) -> None:
    change(engine, "UPDATE ai_feature_settings SET auto_apply = TRUE")
    for n in range(1, 7):
        traffic(engine, "incumbent", NOW - n * NIGHT, HIGH, 5, answered=0, error="timeout")
    roll_up(pipeline, now=NOW)
    night(pipeline)
    review(pipeline, now=NOW)
    after(engine, 1, low=0)
    traffic(engine, "cheap", NOW + NIGHT, HIGH, 5, answered=0, error="timeout")
    look(pipeline, 2)
    former = 50 * (4000 * 10e-6 * 3 / 2 + 1000 * 30e-6)
    paid = 50 * (4000 * 5e-6 + 1500 * 10e-6) + 5 * 4000 * 5e-6
    assert float(outcome(pipeline)["realised_saving_usd_per_month"]) == per_month(former - paid)
    low, high = (float(outcome(pipeline)[f"realised_saving_{end}_usd_per_month"]) for end in ("low", "high"))
    assert low < per_month(former - paid).expected < high


@pytest.mark.usefixtures("applied")
def test_the_former_model_is_priced_at_each_day_as_the_organization_pays_it(
    pipeline: Engine, engine: Engine
) -> None:
    add_price(engine, "incumbent", 20, 60, since="2026-11-25", organization_id=ACME)
    add_price(engine, "incumbent", 999, 999, since="2026-11-24", organization_id=GLOBEX)
    for n in (1, 2):
        after(engine, n, high=0)
    look(pipeline, 3)
    first, second = 50 * (200 * 10e-6 + 100 * 30e-6), 50 * (200 * 20e-6 + 100 * 60e-6)
    paid = 2 * 50 * (200 * 5e-6 + 80 * 10e-6)
    assert float(outcome(pipeline)["realised_saving_usd_per_month"]) == per_month((first + second - paid) / 2)


@pytest.mark.usefixtures("applied")
def test_days_without_traffic_count_and_unknown_prices_are_no_zero(pipeline: Engine, engine: Engine) -> None:
    after(engine, 1, high=0)
    look(pipeline, 4)
    saved = 50 * (200 * 10e-6 + 100 * 30e-6) - 50 * (200 * 5e-6 + 80 * 10e-6)
    found = outcome(pipeline)
    assert found["compared_days"] == 3
    assert float(found["realised_saving_usd_per_month"]) == per_month(saved / 3)
    # Batch was never priced for the former model: that day cannot be compared, the others still are.
    add_price(engine, "cheap", 1, 1, processing="batch")
    traffic(engine, "cheap", NOW + 4 * NIGHT, LOW, 5, answered=1, processing="batch")
    look(pipeline, 5)
    assert outcome(pipeline)["compared_days"] == 3
    change(engine, "UPDATE ai_model_prices SET superseded_at = now() WHERE provider_model_id = 'incumbent'")
    look(pipeline, 6)
    # Two idle days are left, on which nothing had to be priced.
    found = outcome(pipeline)
    assert (found["compared_days"], found["compared_answers"]) == (3, 0)


@pytest.mark.usefixtures("applied")
def test_a_kind_that_was_not_seen_before_takes_the_mean_and_is_counted(
    pipeline: Engine, engine: Engine
) -> None:
    traffic(engine, "cheap", NOW + NIGHT, ("medium", 1000), 10, answered=100)
    look(pipeline, 2)
    found = outcome(pipeline)
    assert found["details"]["answers_of_new_kinds"] == 10
    mean = 0.8 * (200 * 10e-6 + 100 * 30e-6) + 0.2 * (4000 * 10e-6 + 1000 * 30e-6)
    paid = 10 * (1000 * 5e-6 + 100 * 10e-6)
    assert float(found["realised_saving_usd_per_month"]) == per_month(10 * mean - paid)
    low, high = found["realised_saving_low_usd_per_month"], found["realised_saving_high_usd_per_month"]
    assert low < found["realised_saving_usd_per_month"] < high


@pytest.mark.usefixtures("applied")
def test_sizes_are_counted_in_tokens_of_the_former_model(pipeline: Engine, engine: Engine) -> None:
    """The new model's tokenizer makes twice as many tokens of the same items: 400 are the 200 of before."""
    [ids] = rows(
        pipeline, "SELECT recommendation_id AS r, input_token_ratio AS t FROM recommendation_adoptions"
    )
    assert ids["t"] is None, "the replays above count no tokens"
    change(engine, "UPDATE recommendation_adoptions SET input_token_ratio = 0.5")
    traffic(engine, "cheap", NOW + NIGHT, ("low", 400), 10, answered=80)
    look(pipeline, 2)
    assert outcome(pipeline)["details"]["answers_of_new_kinds"] == 0


@pytest.mark.usefixtures("priced")
def test_the_ratio_of_tokens_is_measured_on_the_same_items(pipeline: Engine, engine: Engine) -> None:
    change(engine, "UPDATE ai_feature_settings SET auto_apply = TRUE")
    change(
        engine,
        "UPDATE ai_benchmark_results SET image_tokens = 50, "
        "input_tokens = CASE WHEN model_id = :m THEN 150 ELSE 100 END",
        m=MODELS["cheap"],
    )
    roll_up(pipeline, now=NOW)
    night(pipeline)
    review(pipeline, now=NOW)
    assert rows(pipeline, "SELECT input_token_ratio::float AS r FROM recommendation_adoptions") == [
        {"r": 0.5}
    ]


@pytest.mark.usefixtures("applied")
def test_reviewing_again_changes_nothing_and_late_events_are_taken_in(
    pipeline: Engine, engine: Engine
) -> None:
    everything = [
        "SELECT * FROM recommendation_outcomes ORDER BY 1, 3",
        "SELECT * FROM recommendation_adoptions",
        "SELECT * FROM recommendation_days ORDER BY 1, 3, 4, 5, 6, 7",
        "SELECT * FROM recommendation_judgements ORDER BY sequence",
        "SELECT * FROM recommendation_baselines ORDER BY 1, 3, 4, 5, 6, 7, 8",
        "SELECT * FROM audit_log ORDER BY id",
        "SELECT * FROM ai_feature_settings ORDER BY 1",
    ]
    after(engine, 1)
    judge(engine, "cheap", NOW, "(i % 2)::numeric")
    assert look(pipeline, 2).reviewed == 1
    first = [rows(engine, sql) for sql in everything]
    assert all(first)
    look(pipeline, 2)
    assert [rows(engine, sql) for sql in everything] == first
    traffic(engine, "cheap", NOW + NIGHT + timedelta(hours=3), LOW, 10, answered=1, processing="batch")
    add_price(engine, "cheap", 1, 1, processing="batch")
    add_price(engine, "incumbent", 1, 1, processing="batch")
    look(pipeline, 3)
    assert outcome(pipeline)["compared_answers"] == 110
