"""What people decide about recommendations, as the page's role within one organization, and what later nights do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from recommender_rows import ACME, GLOBEX, MODELS, NIGHT, NOW, change, night, recommendation, rows
from sqlalchemy import Engine

from modelscout.core.errors import ConfigurationError
from modelscout.recommender import decisions_of_people as people
from modelscout.recommender.decisions_of_people import DecisionRefused, possible_decisions
from modelscout.recommender.review import review
from modelscout.warehouse.engine import open_engine
from modelscout.web.scoped import RowScope, enforce_scopes, scoped

pytestmark = pytest.mark.usefixtures("cheap_is_proven")
LATER = NOW + timedelta(hours=3)
ANNA: dict[str, Any] = {"actor": "anna", "now": LATER}


@pytest.fixture
def page(warehouse_url: str) -> Iterator[Engine]:
    """The warehouse as an editor of acme changes it through the page."""
    engine = open_engine(warehouse_url)
    enforce_scopes(engine)
    yield scoped(engine, RowScope([str(ACME)], [str(ACME)]), read_only=False)
    engine.dispose()


def advice(engine: Engine, organization: UUID = ACME) -> dict[str, Any]:
    [row] = rows(
        engine,
        "SELECT * FROM ai_model_recommendations WHERE organization_id = :o AND is_latest",
        o=organization,
    )
    return row


def in_use(engine: Engine) -> str:
    [row] = rows(engine, "SELECT * FROM ai_feature_settings WHERE organization_id = :o", o=ACME)
    return {str(i): name for name, i in MODELS.items()}[str(row["current_model_id"])]


def logged(engine: Engine) -> list[tuple[str, str, str]]:
    found = rows(engine, "SELECT * FROM audit_log WHERE organization_id = :o ORDER BY id", o=ACME)
    return [(row["actor"], row["action"], row["subject"]) for row in found]


def test_accepting_sets_the_feature_and_tells_clients_in_one_transaction(
    engine: Engine, page: Engine
) -> None:
    night(engine)
    change(engine, "DELETE FROM selection_versions")
    done = people.accept(page, advice(engine)["id"], **ANNA)
    assert (done.before, done.after) == ("open", "accepted")
    assert in_use(engine) == "cheap"
    row = advice(engine)
    assert (row["status"], row["decided_by"], row["decided_at"]) == ("accepted", "anna", LATER)
    assert logged(engine) == [("anna", "set_feature", "chat"), ("anna", "recommendation_accepted", "chat")]
    [entry] = rows(engine, "SELECT * FROM audit_log WHERE action = 'recommendation_accepted'")
    assert (entry["before"]["status"], entry["after"]["status"]) == ("open", "accepted")
    assert entry["after"]["recommendation_id"] == str(row["id"])
    assert len(rows(engine, "SELECT DISTINCT changed_in FROM selection_versions")) == 1
    review(engine, now=NOW + NIGHT)
    row = advice(engine)
    assert (row["status"], row["decided_by"]) == ("applied", "anna")


def test_nothing_is_changed_where_a_part_is_refused(engine: Engine, page: Engine) -> None:
    night(engine)
    change(engine, "INSERT INTO ai_model_settings (organization_id, model_id, enabled) VALUES (:o, :m, FALSE)",
           o=ACME, m=MODELS["cheap"])  # fmt: skip
    with pytest.raises(ConfigurationError, match="switched off"):
        people.accept(page, advice(engine)["id"], **ANNA)
    assert (in_use(engine), advice(engine)["status"], logged(engine)) == ("incumbent", "open", [])


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ("UPDATE ai_feature_settings SET current_model_id = :other", "but the feature uses openai/other by now"),
        ("UPDATE ai_feature_settings SET current_model_id = NULL", "but the feature uses no model by now"),
        ("UPDATE ai_model_recommendations SET valid_until = :now", "It was valid until 2026-11-23"),
        ("UPDATE ai_model_recommendations SET status = 'accepted', decided_by = 'otto'", "accepted by otto"),
        ("UPDATE ai_model_recommendations SET status = 'rejected'", "It is rejected"),
        ("UPDATE ai_model_recommendations SET verdict = 'trial'", "names no other model"),
        ("UPDATE ai_model_recommendations SET recommended_model_id = current_model_id", "names no other model"),
        ("UPDATE ai_model_recommendations SET status = 'superseded'", "A later night decided"),
    ],
)  # fmt: skip
def test_what_is_not_current_any_more_is_not_accepted(
    engine: Engine, page: Engine, before: str, message: str
) -> None:
    night(engine)
    change(
        engine,
        before,
        **{k: v for k, v in {"other": MODELS["other"], "now": LATER}.items() if f":{k}" in before},
    )
    used = rows(engine, "SELECT current_model_id FROM ai_feature_settings")
    with pytest.raises(DecisionRefused, match=message):
        people.accept(page, advice(engine)["id"], **ANNA)
    assert rows(engine, "SELECT current_model_id FROM ai_feature_settings") == used
    assert logged(engine) == []


def test_advice_of_an_earlier_night_is_not_accepted(engine: Engine, page: Engine) -> None:
    night(engine)
    old = advice(engine)["id"]
    night(engine, 1)
    assert old != advice(engine)["id"]
    for decide in (people.accept, people.reopen, people.undo):
        with pytest.raises(DecisionRefused):
            decide(page, old, **ANNA)
    with pytest.raises(DecisionRefused, match="later night"):
        people.reject(page, old, reason="no", **ANNA)


def test_another_organizations_advice_does_not_exist(engine: Engine, page: Engine) -> None:
    night(engine)
    foreign = advice(engine, GLOBEX)["id"]
    for decide in (people.accept, people.undo, people.reopen):
        with pytest.raises(ConfigurationError, match="unknown"):
            decide(page, foreign, **ANNA)
    with pytest.raises(ConfigurationError, match="unknown"):
        people.rate(page, foreign, rating=1, comment=None, **ANNA)
    assert advice(engine, GLOBEX)["status"] == "open"


def test_of_two_who_accept_at_once_one_does(engine: Engine, page: Engine) -> None:
    night(engine)
    outcomes: list[str] = []
    identifier = advice(engine)["id"]

    def accept(actor: str) -> None:
        try:
            outcomes.append(people.accept(page, identifier, actor=actor, now=LATER).after)
        except DecisionRefused:
            outcomes.append("refused")

    threads = [threading.Thread(target=accept, args=(name,)) for name in ("anna", "otto", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted", "refused", "refused"]
    assert [action for _, action, _ in logged(engine)] == ["set_feature", "recommendation_accepted"]


def test_accepting_takes_the_proven_models_of_kinds_of_work_along(engine: Engine, page: Engine) -> None:
    night(engine)
    change(
        engine,
        "UPDATE ai_model_recommendations SET evidence = evidence || jsonb_build_object('by_workload', "
        "jsonb_build_array(jsonb_build_object('when', jsonb_build_object('complexity', jsonb_build_array('high')), "
        "'model_id', cast(:m AS text), 'proven', TRUE), jsonb_build_object('when', jsonb_build_object('complexity', "
        "jsonb_build_array('low')), 'model_id', cast(:m AS text), 'proven', FALSE)))",
        m=str(MODELS["other"]),
    )
    change(
        engine,
        "UPDATE ai_feature_settings SET fallback_model_ids = ARRAY[cast(:m AS uuid)]",
        m=MODELS["cheap"],
    )
    people.accept(page, advice(engine)["id"], **ANNA)
    [row] = rows(engine, "SELECT * FROM ai_feature_settings WHERE organization_id = :o", o=ACME)
    assert row["workload_models"] == [{"when": {"complexity": ["high"]}, "model_id": str(MODELS["other"])}]
    assert row["fallback_model_ids"] == []


def test_advice_for_kinds_of_work_alone_is_accepted_and_taken_back(engine: Engine, page: Engine) -> None:
    night(engine)
    rule = {"when": {"complexity": ["low"]}, "model_id": str(MODELS["other"])}
    change(
        engine,
        "UPDATE ai_model_recommendations SET verdict = 'keep', recommended_model_id = current_model_id, "
        "evidence = evidence || cast(:e AS jsonb)",
        e=json.dumps({"by_workload": [rule | {"proven": True}]}),
    )
    own = {"when": {"complexity": ["high"]}, "model_id": str(MODELS["cheap"])}
    change(engine, "UPDATE ai_feature_settings SET workload_models = cast(:w AS jsonb)", w=json.dumps([own]))
    people.accept(page, advice(engine)["id"], **ANNA)
    [row] = rows(engine, "SELECT * FROM ai_feature_settings WHERE organization_id = :o", o=ACME)
    assert (in_use(engine), row["workload_models"]) == ("incumbent", [own, rule])
    assert people.undo(page, advice(engine)["id"], **ANNA).after == "open"
    [row] = rows(engine, "SELECT * FROM ai_feature_settings WHERE organization_id = :o", o=ACME)
    assert row["workload_models"] == [own]


def test_rejected_advice_stays_away_for_ninety_days(engine: Engine, page: Engine) -> None:
    night(engine)
    people.reject(page, advice(engine)["id"], reason="  we like the old one ", **ANNA)
    night(engine, 1)
    row = advice(engine)
    assert (row["status"], row["decided_by"], row["decided_at"]) == ("rejected", "anna", LATER)
    assert (row["decision_reason"], row["verdict"]) == ("we like the old one", "switch")
    assert row["decision_date"] == (NOW + NIGHT).date()
    assert advice(engine, GLOBEX)["status"] == "open"
    for number, days_ago, status in ((2, 89, "rejected"), (3, 91, "open")):
        decided = NOW + number * NIGHT - timedelta(days=days_ago)
        change(
            engine,
            "UPDATE ai_model_recommendations SET decided_at = :t WHERE decided_at IS NOT NULL",
            t=decided,
        )
        night(engine, number)
        assert advice(engine)["status"] == status
    assert advice(engine)["decided_by"] is None


@pytest.mark.parametrize(("former_share", "status"), [(0.7, "rejected"), (0.6, "open"), (None, "rejected")])
def test_rejected_advice_comes_back_where_it_promises_half_as_much_again(
    engine: Engine, page: Engine, former_share: float | None, status: str
) -> None:
    """The growth counts from what the person saw, also where nights in between carried it."""
    night(engine)
    share = "cast(NULL AS numeric)" if former_share is None else f"saving_usd_per_month * {former_share}"
    change(
        engine,
        "UPDATE ai_model_recommendations SET cost_estimate = jsonb_set(cost_estimate, "
        f"'{{saving_usd_per_month,estimate}}', coalesce(to_jsonb({share}), 'null'))",
    )
    people.reject(page, advice(engine)["id"], reason="too little", **ANNA)
    night(engine, 1)
    assert advice(engine)["status"] == status
    night(engine, 2)
    assert advice(engine)["status"] == status


def test_other_advice_and_a_model_that_goes_away_are_not_held_back(engine: Engine, page: Engine) -> None:
    night(engine)
    people.reject(page, advice(engine)["id"], reason="no", **ANNA)
    change(
        engine,
        "UPDATE ai_models SET retires_on = :d WHERE id = :m",
        d=date(2026, 12, 10),
        m=MODELS["incumbent"],
    )
    night(engine, 1)
    row = advice(engine)
    assert (row["verdict"], row["status"]) == ("migrate", "open")
    people.reject(page, row["id"], reason="still no", **(ANNA | {"now": LATER + NIGHT}))
    change(engine, "UPDATE ai_model_recommendations SET recommended_model_id = :m WHERE id = :i",
           m=MODELS["other"], i=row["id"])  # fmt: skip
    night(engine, 2)
    assert advice(engine)["status"] == "open"


def test_snoozed_advice_is_open_again_on_its_day(engine: Engine, page: Engine) -> None:
    night(engine)
    until = (NOW + 3 * NIGHT).date()
    people.snooze(page, advice(engine)["id"], until=until, reason=None, **ANNA)
    for number, status in ((1, "snoozed"), (2, "snoozed"), (3, "open")):
        night(engine, number)
        assert advice(engine)["status"] == status
    for wrong in (LATER.date(), LATER.date() + timedelta(days=366)):
        with pytest.raises(ConfigurationError, match="out of range"):
            people.snooze(page, advice(engine)["id"], until=wrong, reason=None, **ANNA)


def test_reopened_advice_stays_open(engine: Engine, page: Engine) -> None:
    night(engine)
    people.reject(page, advice(engine)["id"], reason="no", **ANNA)
    people.reopen(page, advice(engine)["id"], **ANNA)
    row = advice(engine)
    assert (row["status"], row["decided_by"], row["decision_reason"]) == ("open", None, None)
    night(engine, 1)
    assert advice(engine)["status"] == "open"


def test_an_accepted_change_is_taken_back(engine: Engine, page: Engine) -> None:
    night(engine)
    people.accept(page, advice(engine)["id"], **ANNA)
    assert people.undo(page, advice(engine)["id"], **ANNA).after == "open"
    assert in_use(engine) == "incumbent"
    assert [action for _, action, _ in logged(engine)][2:] == ["undo", "recommendation_open"]
    assert people.accept(page, advice(engine)["id"], **ANNA).after == "accepted"


def test_what_a_review_saw_is_not_applied_again_by_itself(engine: Engine, page: Engine) -> None:
    night(engine)
    people.accept(page, advice(engine)["id"], **ANNA)
    review(engine, now=NOW + NIGHT)
    change(engine, "UPDATE ai_feature_settings SET auto_apply = TRUE WHERE organization_id = :o", o=ACME)
    change(engine, "UPDATE audit_log SET after = after || '{\"auto_apply\": true}', "
           "before = before || '{\"auto_apply\": true}'")  # fmt: skip
    people.undo(page, advice(engine)["id"], **(ANNA | {"now": LATER + NIGHT}))
    assert (in_use(engine), advice(engine)["status"]) == ("incumbent", "rejected")
    night(engine, 2)
    assert advice(engine)["status"] == "rejected"
    review(engine, now=NOW + 2 * NIGHT)
    assert in_use(engine) == "incumbent"


def test_a_change_that_somebody_built_upon_is_not_taken_back(engine: Engine, page: Engine) -> None:
    from modelscout.features.service import FeatureService
    from modelscout.features.settings import FeatureChange

    night(engine)
    people.accept(page, advice(engine)["id"], **ANNA)
    FeatureService(page).update("acme", "chat", FeatureChange(auto_apply=True), actor="otto", now=LATER)
    with pytest.raises(DecisionRefused, match="changed since"):
        people.undo(page, advice(engine)["id"], **ANNA)
    assert in_use(engine) == "cheap"
    FeatureService(page).update("acme", "chat", FeatureChange(model="openai/other"), actor="otto", now=LATER)
    with pytest.raises(DecisionRefused, match="uses openai/other by now"):
        people.undo(page, advice(engine)["id"], **ANNA)


def test_a_rating_is_one_persons_and_can_be_changed(engine: Engine, page: Engine) -> None:
    night(engine)
    identifier = advice(engine)["id"]
    for actor, rating, comment in (
        ("anna", 2, "hm"),
        ("otto", 5, None),
        ("anna", 4, "  better "),
        ("anna", 4, "better"),
    ):
        people.rate(page, identifier, rating=rating, comment=comment, actor=actor, now=LATER)
    found = rows(engine, "SELECT user_name, rating, comment FROM recommendation_ratings ORDER BY user_name")
    assert [tuple(row.values()) for row in found] == [("anna", 4, "better"), ("otto", 5, None)]
    assert [actor for actor, _, _ in logged(engine)] == ["anna", "otto", "anna"]
    for wrong in (0, 6):
        with pytest.raises(ConfigurationError, match="out of range"):
            people.rate(page, identifier, rating=wrong, comment=None, **ANNA)


def test_what_is_possible_is_what_is_not_refused(engine: Engine, page: Engine) -> None:
    def possible() -> tuple[str, ...]:
        [row] = rows(
            engine,
            "SELECT r.*, s.current_model_id AS model_in_use_id, 'm' AS recommended_model, 'c' AS current_model, "
            "'u' AS model_in_use FROM ai_model_recommendations AS r JOIN ai_feature_settings AS s "
            "USING (organization_id, feature_id) WHERE r.organization_id = :o AND r.is_latest",
            o=ACME,
        )
        return possible_decisions(row, now=LATER).decisions

    night(engine)
    assert possible() == ("accept", "reject", "snooze")
    people.snooze(page, advice(engine)["id"], until=date(2026, 12, 1), reason="later", **ANNA)
    assert possible() == ("accept", "reject", "snooze", "reopen")
    people.reject(page, advice(engine)["id"], reason="no", **ANNA)
    assert possible() == ("reopen",)
    people.reopen(page, advice(engine)["id"], **ANNA)
    people.accept(page, advice(engine)["id"], **ANNA)
    assert possible() == ("undo",)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 2001, "a\x00b"])
def test_a_reason_is_a_text(engine: Engine, page: Engine, reason: str) -> None:
    night(engine)
    with pytest.raises(ConfigurationError, match="reason"):
        people.reject(page, advice(engine)["id"], reason=reason, **ANNA)
    assert recommendation(engine)["status"] == "open"


def test_only_the_newest_night_is_the_latest(engine: Engine) -> None:
    for number in (0, 2, 1):
        night(engine, number)
    found = rows(engine, "SELECT DISTINCT decision_date, is_latest FROM ai_model_recommendations ORDER BY 1")
    assert [row["is_latest"] for row in found] == [False, False, True]
