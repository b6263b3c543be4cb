"""What came of recommendations: adoption, realised saving, quality, latency, application and roll-back, as a role."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from recommender_rows import (
    ACME,
    GLOBEX,
    MODELS,
    NIGHT,
    NOW,
    add_price,
    change,
    good,
    night,
    recommendation,
    replay,
    rows,
)
from sqlalchemy import Engine, text

from modelscout.analytics.rollup import roll_up
from modelscout.recommender.publish import publish
from modelscout.recommender.read import list_alerts
from modelscout.recommender.review import ReviewReport, review
from modelscout.recommender.track_record import track_record

pytestmark = pytest.mark.usefixtures("two_organizations")

LOW, HIGH = ("low", 200), ("high", 4000)
"""Kinds of request: complexity and input tokens."""
TRAFFIC = """
INSERT INTO ai_usage_events (
    organization_id, feature_id, provider, requested_model, request_id, occurred_at, input_tokens, output_tokens,
    duration_ms, workload, error_type, propensity, processing
)
SELECT
    :o, 'chat', 'openai', :model, :name || '-' || i, cast(:day AS timestamptz) + i * interval '1 second', :given,
    :answered, 400 + i * 37 % 1000, jsonb_build_object('complexity', cast(:complexity AS text)), :error, :propensity,
    :processing
FROM generate_series(1, :count) AS i
"""


@pytest.fixture
def priced(engine: Engine, two_organizations: None) -> None:  # noqa: ARG001
    """Six days of the incumbent: 40 low and 10 high requests a day, and prices of both models."""
    change(engine, "DELETE FROM ai_model_analytics")
    add_price(engine, "incumbent", 10, 30)
    add_price(engine, "cheap", 5, 10)
    for n in range(1, 7):
        traffic(engine, "incumbent", NOW - n * NIGHT, LOW, 40, answered=100)
        traffic(engine, "incumbent", NOW - n * NIGHT, HIGH, 10, answered=1000)
    replay(engine, "incumbent", good(), cost_usd=0.02)
    replay(engine, "cheap", good(), cost_usd=0.01)


@pytest.fixture
def applied(pipeline: Engine, engine: Engine, priced: None) -> None:  # noqa: ARG001
    """`cheap` was recommended and applied automatically at NOW."""
    change(engine, "UPDATE ai_feature_settings SET auto_apply = TRUE WHERE organization_id = :o", o=ACME)
    roll_up(pipeline, now=NOW)
    night(pipeline)
    assert review(pipeline, now=NOW) == ReviewReport(reviewed=1, adopted=1, applied=1, rolled_back=0)


def traffic(
    engine: Engine,
    model: str,
    at: datetime,
    kind: tuple[str, int],
    count: int,
    *,
    answered: int,
    **columns: Any,
) -> None:
    """So many requests of a kind on a day, from noon on."""
    complexity, given = kind
    day = at.replace(hour=12)
    values = {"error": None, "propensity": None, "processing": "standard", "o": ACME} | columns
    name = f"{model}-{day:%m%d}-{complexity}-{values['error']}-{values['processing']}"
    change(engine, TRAFFIC, model=model, name=name, day=day, given=given, answered=answered,
           complexity=complexity, count=count, **values)  # fmt: skip


def after(engine: Engine, n: int, *, low: int = 50, high: int = 50) -> None:
    """A day on the new model, n days after the switch: more high requests than before, with longer answers."""
    traffic(engine, "cheap", NOW + n * NIGHT, LOW, low, answered=80)
    traffic(engine, "cheap", NOW + n * NIGHT, HIGH, high, answered=1500)


def judge(engine: Engine, model: str, since: datetime, score: str) -> None:
    """A check of every answer of a model since a day; `score` is SQL."""
    change(
        engine,
        "INSERT INTO ai_usage_outcomes (organization_id, request_id, kind, score, recorded_at) "
        f"SELECT organization_id, request_id, 'check', {score}, occurred_at + interval '1 hour' FROM "
        "(SELECT *, row_number() OVER (PARTITION BY requested_model ORDER BY occurred_at, request_id) AS i "
        "FROM ai_usage_events) AS e "
        "WHERE requested_model = :m AND occurred_at >= :since ON CONFLICT DO NOTHING",
        m=model,
        since=since,
    )


def look(engine: Engine, n: int) -> ReviewReport:
    """The chain of the n-th night after the switch, without publishing."""
    at = NOW + n * NIGHT
    roll_up(engine, now=at)
    return review(engine, now=at)


def outcome(engine: Engine) -> dict[str, Any]:
    found = rows(
        engine, "SELECT * FROM recommendation_outcomes WHERE adopted ORDER BY reviewed_on DESC LIMIT 1"
    )
    return found[0]


def in_use(engine: Engine) -> uuid.UUID:
    [row] = rows(
        engine, "SELECT current_model_id AS m FROM ai_feature_settings WHERE organization_id = :o", o=ACME
    )
    return row["m"]  # type: ignore[no-any-return]


def per_month(usd_per_day: float) -> Any:
    return pytest.approx(usd_per_day * 30.4375, rel=1e-6)


# Realised saving


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


# Latency and quality


@pytest.mark.usefixtures("applied")
def test_latency_has_its_promise_and_an_interval(pipeline: Engine, engine: Engine) -> None:
    for n in range(1, 6):
        after(engine, n)
    change(engine, "UPDATE ai_usage_events SET duration_ms = duration_ms / 2 WHERE requested_model = 'cheap'")
    look(pipeline, 6)
    found = outcome(pipeline)
    # Both took 500 ms in replay: the promise is the former median.
    former = found["details"]["former_median_ms"]
    assert float(found["promised_median_ms"]) == pytest.approx(former)
    [exact] = rows(
        engine,
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms) AS ms FROM ai_usage_events "
        "WHERE requested_model = 'cheap'",
    )
    assert float(found["realised_median_ms"]) == pytest.approx(exact["ms"], rel=0.01)
    low, high = float(found["realised_median_low_ms"]), float(found["realised_median_high_ms"])
    assert low < float(found["realised_median_ms"]) < high
    # Of 500 durations spread evenly over 500 ms the median is known to about 5 %.
    assert high / low < 1.15


@pytest.mark.usefixtures("applied")
def test_without_outcomes_replay_or_a_hold_out_quality_is_not_verified(
    pipeline: Engine, engine: Engine
) -> None:
    after(engine, 1)
    look(pipeline, 2)
    found = outcome(pipeline)
    assert (found["quality_verified"], found["quality_violated"], found["realised_quality"]) == (
        False,
        None,
        None,
    )
    assert found["details"]["quality"] == "not verified"


@pytest.mark.usefixtures("priced")
def test_judged_answers_on_both_sides_verify_it(pipeline: Engine, engine: Engine) -> None:
    judge(engine, "incumbent", NOW - 30 * NIGHT, "(i % 10 <> 0)::integer")
    change(engine, "UPDATE ai_feature_settings SET auto_apply = TRUE")
    roll_up(pipeline, now=NOW)
    night(pipeline)
    review(pipeline, now=NOW)
    after(engine, 1)
    judge(engine, "cheap", NOW, "(i % 5 <> 0)::integer")
    look(pipeline, 2)
    found = outcome(pipeline)
    assert (found["quality_source"], found["quality_violated"]) == ("outcomes", False)
    assert float(found["realised_quality"]) == pytest.approx(0.8)
    assert float(found["quality_change"]) == pytest.approx(-0.1)
    # Newcombe's example is of this form: 80/100 against 270/300 gives -0.176 to -0.032 at 90 %.
    assert float(found["quality_change_low"]) == pytest.approx(-0.176, abs=0.003)
    assert float(found["quality_change_high"]) == pytest.approx(-0.032, abs=0.003)


@pytest.mark.usefixtures("applied")
def test_replays_after_the_switch_verify_it_and_earlier_ones_do_not(pipeline: Engine, engine: Engine) -> None:
    look(pipeline, 1)
    assert not outcome(pipeline)["quality_verified"]
    replay(engine, "incumbent", good(60), first=1000)
    replay(engine, "cheap", [0.0] * 6 + good(54), first=1000)
    change(
        engine,
        "UPDATE ai_benchmark_results SET finished_at = :at WHERE case_key LIKE '%/i1___'",
        at=NOW + NIGHT,
    )
    # Ten points fewer on 60 items look like a loss of more than the margin and prove none.
    assert look(pipeline, 2).rolled_back == 0
    found = outcome(pipeline)
    assert (found["quality_source"], found["details"]["guard"]["replayed"]) == ("replay", 60)
    assert float(found["quality_change"]) == pytest.approx(-0.1)
    assert found["quality_change_low"] < found["quality_change"] < found["quality_change_high"]


@pytest.mark.usefixtures("applied")
def test_a_hold_out_comes_before_everything_else(pipeline: Engine, engine: Engine) -> None:
    """A fifth of the traffic stays on the former model; its requests weigh five times as much."""
    for n in (1, 2):
        traffic(engine, "cheap", NOW + n * NIGHT, LOW, 200, answered=80, propensity=0.8)
        traffic(engine, "incumbent", NOW + n * NIGHT, LOW, 60, answered=80, propensity=0.2)
    judge(engine, "cheap", NOW, "(i % 4 <> 0)::integer")
    judge(engine, "incumbent", NOW, "1")
    look(pipeline, 3)
    found = outcome(pipeline)
    assert found["quality_source"] == "hold_out"
    assert float(found["quality_change"]) == pytest.approx(-0.25, abs=0.03)
    assert found["quality_violated"] is True


# Application


@pytest.mark.usefixtures("applied")
def test_it_is_applied_once_with_an_entry_in_the_audit_log(pipeline: Engine) -> None:
    assert in_use(pipeline) == MODELS["cheap"]
    assert review(pipeline, now=NOW).applied == 0
    [entry] = rows(pipeline, "SELECT actor, action, before, after FROM audit_log")
    assert (entry["actor"], entry["action"]) == ("review_adoption", "apply")
    assert entry["before"] == {"current_model_id": str(MODELS["incumbent"])}
    assert entry["after"]["current_model_id"] == str(MODELS["cheap"])


REFUSALS = {
    "UPDATE organization_provider_keys SET enabled = FALSE": "UPDATE organization_provider_keys SET enabled = TRUE",
    "UPDATE organization_provider_keys SET health = 'refused'": "UPDATE organization_provider_keys SET health = 'ok'",
    "UPDATE organizations SET allowed_providers = '{}'": "UPDATE organizations SET allowed_providers = NULL",
    "UPDATE ai_model_availability SET status = 'unavailable'": "UPDATE ai_model_availability SET status = 'active'",
    "INSERT INTO ai_model_settings (organization_id, model_id, enabled) SELECT organization_id, recommended_model_id, "
    "FALSE FROM ai_model_recommendations WHERE verdict = 'switch'": "DELETE FROM ai_model_settings",
    "UPDATE ai_models SET retires_on = '2026-11-23'": "UPDATE ai_models SET retires_on = NULL",
    "UPDATE ai_model_recommendations SET valid_until = '2026-11-23T04:00Z'": "UPDATE ai_model_recommendations "
    "SET valid_until = '2026-11-30T04:00Z'",
    "UPDATE ai_model_recommendations SET status = 'rejected'": "UPDATE ai_model_recommendations SET status = 'open'",
    "UPDATE ai_model_recommendations SET verdict = 'trial'": "UPDATE ai_model_recommendations SET verdict = 'switch' "
    "WHERE recommended_model_id IS NOT NULL",
    "UPDATE ai_feature_settings SET auto_apply = FALSE": "UPDATE ai_feature_settings SET auto_apply = TRUE",
    "UPDATE ai_feature_settings SET current_model_id = (SELECT id FROM ai_models WHERE name = 'other')":
    "UPDATE ai_feature_settings SET current_model_id = (SELECT id FROM ai_models WHERE name = 'incumbent')",
}  # fmt: skip
"""What may have changed since a recommendation was published, and how it was."""


@pytest.mark.usefixtures("priced")
def test_what_changed_since_it_was_published_keeps_it_from_being_applied(
    pipeline: Engine, engine: Engine
) -> None:
    change(engine, "UPDATE ai_feature_settings SET auto_apply = TRUE")
    roll_up(pipeline, now=NOW)
    night(pipeline)
    assert recommendation(pipeline)["verdict"] == "switch"
    for since, before in REFUSALS.items():
        change(engine, since)
        assert review(pipeline, now=NOW).applied == 0, since
        assert in_use(pipeline) != MODELS["cheap"], since
        change(engine, before)
    assert review(pipeline, now=NOW).applied == 1


@pytest.mark.usefixtures("applied")
def test_what_a_person_undid_is_not_applied_again(pipeline: Engine, engine: Engine) -> None:
    back = (
        "UPDATE ai_feature_settings SET current_model_id = :m, updated_by = 'ann' WHERE organization_id = :o"
    )
    change(engine, back, m=MODELS["incumbent"], o=ACME)
    night(pipeline, 1)
    assert recommendation(pipeline)["recommended_model"] == "cheap"
    assert review(pipeline, now=NOW + NIGHT).applied == 0
    assert in_use(pipeline) == MODELS["incumbent"]
    assert rows(pipeline, "SELECT ended_by FROM recommendation_adoptions") == [{"ended_by": "person"}]


@pytest.mark.usefixtures("priced")
def test_a_change_by_a_person_is_an_adoption_and_its_promise_stays(pipeline: Engine, engine: Engine) -> None:
    roll_up(pipeline, now=NOW)
    night(pipeline)
    promised = recommendation(pipeline)["saving_usd_per_month"]
    at = NOW + timedelta(hours=6)
    change(
        engine,
        "UPDATE ai_feature_settings SET current_model_id = :m, updated_at = :at, updated_by = 'ann' "
        "WHERE organization_id = :o",
        m=MODELS["cheap"], at=at, o=ACME,
    )  # fmt: skip
    after(engine, 1)
    night(pipeline, 1)
    look(pipeline, 2)
    [found] = rows(pipeline, "SELECT switched_at, applied_automatically FROM recommendation_adoptions")
    assert (found["switched_at"], found["applied_automatically"]) == (at, False)
    [row] = rows(pipeline, "SELECT decided_by, status FROM ai_model_recommendations WHERE verdict = 'switch'")
    assert (row["decided_by"], row["status"]) == ("ann", "applied")
    assert float(outcome(pipeline)["promised_saving_usd_per_month"]) == pytest.approx(promised)


# Roll-back


@pytest.fixture
def was_good(engine: Engine, priced: None) -> None:  # noqa: ARG001
    """95 in 100 answers of the former model were good."""
    judge(engine, "incumbent", NOW - 30 * NIGHT, "(i % 20 <> 0)::integer")


@pytest.mark.usefixtures("was_good", "applied")
def test_what_was_taken_back_is_not_applied_again(pipeline: Engine, engine: Engine) -> None:
    for n in (1, 2):
        after(engine, n)
    judge(engine, "cheap", NOW, "(i % 5 < 2)::integer")
    assert look(pipeline, 3).rolled_back == 1
    assert in_use(pipeline) == MODELS["incumbent"]
    assert look(pipeline, 3).rolled_back == 0
    assert [a["kind"] for a in list_alerts(pipeline, organization="acme")] == ["quality_fell"]
    publish(pipeline, now=NOW + 4 * NIGHT, horizon_days=30)
    assert recommendation(pipeline)["recommended_model"] == "cheap"
    assert review(pipeline, now=NOW + 4 * NIGHT).applied == 0
    assert in_use(pipeline) == MODELS["incumbent"]
    assert outcome(pipeline)["quality_violated"] is True


@pytest.mark.usefixtures("was_good", "applied")
def test_judgements_are_evidence_once_and_in_the_order_in_which_they_came(
    pipeline: Engine, engine: Engine
) -> None:
    after(engine, 1)
    judge(engine, "cheap", NOW, "(i % 20 <> 0)::integer")
    look(pipeline, 2)
    first = rows(pipeline, "SELECT * FROM recommendation_judgements ORDER BY sequence")
    # A judgement that comes later, of an earlier answer or of one judged before, changes nothing that was weighed.
    change(engine, "UPDATE ai_usage_outcomes SET score = 0")
    traffic(engine, "cheap", NOW + timedelta(hours=1), LOW, 5, answered=80)
    judge(engine, "cheap", NOW, "1")
    look(pipeline, 3)
    later = rows(pipeline, "SELECT * FROM recommendation_judgements ORDER BY sequence")
    assert later[: len(first)] == first
    assert [float(r["score"]) for r in later[len(first) :]] == [1.0] * 5


@pytest.mark.usefixtures("was_good", "applied")
def test_where_it_may_or_can_not_be_taken_back_an_alert_says_so(pipeline: Engine, engine: Engine) -> None:
    for n in (1, 2):
        after(engine, n)
    judge(engine, "cheap", NOW, "(i % 5 < 2)::integer")
    for since, why in (
        ("UPDATE ai_feature_settings SET auto_apply = FALSE", "automatic application is off"),
        ("UPDATE recommendation_adoptions SET applied_automatically = FALSE", "a person chose it"),
        (
            "UPDATE ai_models SET retires_on = '2026-11-24' WHERE name = 'incumbent'",
            "cannot be used any more",
        ),
    ):
        change(engine, since)
        assert look(pipeline, 3).rolled_back == 0
        assert in_use(pipeline) == MODELS["cheap"]
        [alert] = [a for a in list_alerts(pipeline, organization="acme") if a["kind"] == "quality_fell"]
        assert alert["severity"] == "critical"
        assert why in alert["message"]


@pytest.mark.usefixtures("applied")
def test_items_that_both_answered_after_the_switch_take_it_back_too(pipeline: Engine, engine: Engine) -> None:
    replay(engine, "incumbent", good(150), first=1000)
    replay(engine, "cheap", [0.0 if n % 3 == 0 else 1.0 for n in range(150)], first=1000)
    change(
        engine,
        "UPDATE ai_benchmark_results SET finished_at = :at WHERE case_key LIKE '%/i1___'",
        at=NOW + NIGHT,
    )
    assert look(pipeline, 2).rolled_back == 1
    assert in_use(pipeline) == MODELS["incumbent"]


# The track record


@pytest.mark.usefixtures("was_good", "applied")
def test_the_track_record_counts_what_is_known_and_never_makes_a_zero_of_the_rest(
    pipeline: Engine, engine: Engine
) -> None:
    night(pipeline, 1)
    [before] = track_record(pipeline, organization="acme").organizations
    assert (before.advised, before.adopted, before.reviewed, before.savings_known) == (1, 1, 1, 0)
    assert before.promised_saving_usd_per_month is None
    assert before.share_inside_interval is None
    for n in range(1, 9):
        after(engine, n)
    judge(engine, "cheap", NOW, "(i % 20 <> 0)::integer")
    look(pipeline, 9)
    record = track_record(pipeline)
    [acme] = record.organizations
    assert (acme.organization, acme.savings_known, acme.quality_verified, acme.quality_violations) == (
        "acme",
        1,
        1,
        0,
    )
    assert acme.realised_saving_usd_per_month == outcome(pipeline)["realised_saving_usd_per_month"]
    assert (record.total.adoption_share, record.total.rolled_back) == (1, 0)
    # Twice as many hard requests as before saved more than was promised.
    assert record.total.share_inside_interval == 0
    assert json.dumps(outcome(pipeline)["details"])


def test_without_advice_the_track_record_is_empty(pipeline: Engine) -> None:
    record = track_record(pipeline)
    assert record.organizations == ()
    assert (record.total.advised, record.total.adoption_share) == (0, None)


@pytest.mark.usefixtures("applied")
def test_an_organization_sees_its_own_track_record_only(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL ROLE modelscout_application"))
        for organization, seen in ((ACME, 1), (GLOBEX, 0)):
            connection.execute(
                text("SELECT set_config('modelscout.organization_id', :o, TRUE)"), {"o": str(organization)}
            )
            found = connection.execute(text("SELECT count(*) FROM recommendation_track_record")).scalar_one()
            assert found == seen
