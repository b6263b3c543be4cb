"""What came of recommendations: application, roll-back and the track record."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from recommender_rows import (
    ACME,
    GLOBEX,
    MODELS,
    NIGHT,
    NOW,
    change,
    good,
    night,
    recommendation,
    replay,
    rows,
)
from review_support import LOW, after, in_use, judge, look, outcome, traffic
from sqlalchemy import Engine, text

from modelscout.analytics.rollup import roll_up
from modelscout.recommender.publish import publish
from modelscout.recommender.read import list_alerts
from modelscout.recommender.review import review
from modelscout.recommender.track_record import track_record

pytestmark = pytest.mark.usefixtures("two_organizations")


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
