"""Easy and hard requests of one feature: proven apart, applied apart, and served by different models."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from recommender_rows import (
    ACME,
    ITEMS,
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
from sqlalchemy import Engine

from modelscout.core.errors import ConfigurationError
from modelscout.features.service import FeatureService
from modelscout.recommender.decisions_of_people import DecisionRefused, accept
from modelscout.recommender.review import review
from modelscout.selection import ModelSelector, Workload
from modelscout.selection.once import selector_of
from modelscout.warehouse.engine import run_sql

HARD = (
    "UPDATE ai_benchmark_results SET complexity = :c WHERE substring(case_key FROM 'i([0-9]+)$')::int >= :n"
)
RULE = {"when": {"complexity": ["low"]}, "model_id": str(MODELS["cheap"])}
LOW, MEDIUM, HIGH = (Workload(complexity=level) for level in ("low", "medium", "high"))


@pytest.fixture(autouse=True)
def easy_and_hard(engine: Engine, two_organizations: None) -> None:
    """Of acme's items the first half is easy. `cheap` is as good on those, and right on half of the hard ones."""
    replay(engine, "incumbent", good(2 * ITEMS), cost_usd=0.02)
    replay(engine, "cheap", [*good(), *[float(n % 2) for n in range(ITEMS)]], cost_usd=0.01)
    mark(engine)


def mark(engine: Engine) -> None:
    change(engine, "UPDATE ai_benchmark_results SET complexity = 'low'")
    change(engine, HARD, c="high", n=ITEMS)


def selector(warehouse_url: str) -> ModelSelector:
    return selector_of(warehouse_url, str(ACME), clock=lambda: NOW)


def models(warehouse_url: str) -> list[str]:
    """Who answers easy, ordinary and hard requests."""
    found = selector(warehouse_url)
    return [found.select(ACME, "chat", work).model for work in (LOW, MEDIUM, HIGH)]


def settings(engine: Engine) -> dict[str, Any]:
    [row] = rows(
        engine,
        "SELECT current_model_id, workload_models, updated_by FROM ai_feature_settings WHERE organization_id = :o",
        o=ACME,
    )
    return row


def test_what_is_proven_on_easy_work_alone_is_advised_for_it_alone(pipeline: Engine) -> None:
    night(pipeline)
    row = recommendation(pipeline)
    assert (row["verdict"], row["recommended_model"]) == ("keep", "incumbent")
    rule, worse = row["evidence"]["by_workload"]
    assert {name: rule[name] for name in ("when", "model_id", "proven", "n")} == RULE | {
        "proven": True,
        "n": ITEMS,
    }
    # The bound is that of every proof: within the margin, at the level's own share of the error.
    assert rule["lower_bound"] > -0.05
    assert rule["alpha"] == pytest.approx(0.05 * 0.8 * 0.2 / 3)
    # Half of the requests, of which each is worth half a cent less.
    assert rule["saving_usd_per_month"] == pytest.approx(1000 * 30.4375 / 2 * 0.01 / 2, rel=0.001)
    assert (worse["when"], worse["proven_worse"]) == ({"complexity": ["high"]}, True)
    assert any("low complexity alone: " in reason for reason in row["reasons"])


def test_all_proofs_of_a_night_share_the_error(pipeline: Engine, engine: Engine) -> None:
    replay(engine, "other", good(2 * ITEMS))
    mark(engine)
    night(pipeline)
    shares = rows(pipeline, "SELECT ordinal, complexity, error_share FROM evidence_streams")
    assert len(shares) == 2 * 4
    assert {s["ordinal"] for s in shares} == {1}
    assert sum(s["error_share"] for s in shares) == pytest.approx(0.05 * 0.8)


def test_without_levels_the_whole_error_is_the_features(pipeline: Engine, engine: Engine) -> None:
    change(engine, "UPDATE ai_benchmark_results SET complexity = 'medium'")
    night(pipeline)
    assert rows(pipeline, "SELECT complexity, error_share FROM evidence_streams") == [
        {"complexity": "any", "error_share": pytest.approx(0.04)}
    ]
    assert "by_workload" not in recommendation(pipeline)["evidence"]


def test_levels_that_come_later_are_another_round(pipeline: Engine, engine: Engine) -> None:
    change(engine, "UPDATE ai_benchmark_results SET complexity = NULL")
    night(pipeline)
    mark(engine)
    night(pipeline, 1)
    found = rows(
        pipeline, "SELECT ordinal, complexity, error_share, n FROM evidence_streams ORDER BY complexity"
    )
    assert [(r["ordinal"], r["complexity"]) for r in found] == [
        (1, "any"),
        (2, "high"),
        (2, "low"),
        (2, "medium"),
    ]
    assert [r["error_share"] for r in found] == pytest.approx([0.04, *[0.05 * 0.2 / 2 / 3] * 3])
    assert [r["n"] for r in found] == [2 * ITEMS, ITEMS, ITEMS, 0]


def test_a_model_that_changed_is_proven_for_no_level(pipeline: Engine, engine: Engine) -> None:
    night(pipeline)
    later = NOW + NIGHT
    change(
        engine,
        "INSERT INTO model_events (organization_id, model_id, kind, natural_key, occurred_at) "
        "VALUES (:o, :m, 'drifted', 'd', :at)",
        o=ACME, m=MODELS["cheap"], at=later,
    )  # fmt: skip
    [drifted] = rows(engine, "SELECT count(*) AS n FROM model_drifts")
    assert drifted["n"] == 1
    change(
        engine,
        "INSERT INTO ai_benchmark_results (run_id, organization_id, feature_id, model_id, source, suite, case_key, "
        "score, cost_usd, duration_ms, finished_at, complexity) SELECT run_id, organization_id, feature_id, model_id, "
        "source, 'again', case_key, score, cost_usd, duration_ms, :at, complexity FROM ai_benchmark_results "
        "WHERE model_id = :m AND substring(case_key FROM 'i([0-9]+)$')::int % 8 = 0",
        m=MODELS["cheap"], at=later,
    )  # fmt: skip
    night(pipeline, 2)
    found = rows(
        pipeline, "SELECT ordinal, complexity, log_e_value FROM evidence_streams WHERE complexity = 'low'"
    )
    assert found[0]["ordinal"] == 2
    assert found[0]["log_e_value"] < 3
    proven = [r for r in recommendation(pipeline)["evidence"].get("by_workload", []) if r["proven"]]
    assert proven == []


# Applying


def test_easy_requests_go_to_it_once_a_person_accepts_and_back_after_the_undo(
    pipeline: Engine, warehouse_url: str
) -> None:
    night(pipeline)
    assert models(warehouse_url) == ["incumbent"] * 3
    accept(pipeline, recommendation(pipeline)["id"], actor="ann", now=NOW)
    assert settings(pipeline) == {
        "current_model_id": MODELS["incumbent"], "workload_models": [RULE], "updated_by": "ann",
    }  # fmt: skip
    assert models(warehouse_url) == ["cheap", "incumbent", "incumbent"]
    assert "it is set for this kind of work" in selector(warehouse_url).select(ACME, "chat", LOW).explain()
    FeatureService(pipeline).undo("acme", "chat", actor="ann", now=NOW + timedelta(seconds=1))
    assert settings(pipeline)["workload_models"] == []
    assert models(warehouse_url) == ["incumbent"] * 3


def test_one_that_is_marked_as_accepted_counts_as_well(
    pipeline: Engine, engine: Engine, warehouse_url: str
) -> None:
    night(pipeline)
    change(engine, "UPDATE ai_feature_settings SET updated_at = :now", now=NOW)
    change(
        engine,
        "UPDATE ai_model_recommendations SET status = 'accepted', decided_by = 'ann', decided_at = :now "
        "WHERE organization_id = :o",
        now=NOW, o=ACME,
    )  # fmt: skip
    assert models(warehouse_url) == ["cheap", "incumbent", "incumbent"]


def test_it_is_applied_by_itself_where_that_is_allowed_and_never_again_once_undone(pipeline: Engine) -> None:
    night(pipeline)
    assert review(pipeline, now=NOW).applied == 0
    change(pipeline, "UPDATE ai_feature_settings SET auto_apply = TRUE WHERE organization_id = :o", o=ACME)
    assert review(pipeline, now=NOW).applied == 1
    assert settings(pipeline)["workload_models"] == [RULE]
    FeatureService(pipeline).undo("acme", "chat", actor="ann", now=NOW)
    night(pipeline, 1)
    assert recommendation(pipeline)["evidence"]["by_workload"][0]["proven"] is True
    assert review(pipeline, now=NOW + NIGHT).applied == 0
    assert settings(pipeline)["workload_models"] == []


def test_what_a_person_set_for_the_level_stays(pipeline: Engine) -> None:
    own = [{"when": {"complexity": ["low", "medium"]}, "model_id": str(MODELS["other"])}]
    change(
        pipeline,
        "UPDATE ai_feature_settings SET auto_apply = TRUE, workload_models = cast(:w AS jsonb)",
        w=str(own).replace("'", '"'),
    )
    night(pipeline)
    assert review(pipeline, now=NOW).applied == 0
    assert settings(pipeline)["workload_models"] == own


def test_a_model_that_cannot_be_called_any_more_is_not_applied(pipeline: Engine) -> None:
    night(pipeline)
    identity = recommendation(pipeline)["id"]
    change(pipeline, "UPDATE ai_models SET retires_on = :d WHERE id = :m", d=NOW.date(), m=MODELS["cheap"])
    with pytest.raises(ConfigurationError, match="retired"):
        accept(pipeline, identity, actor="ann", now=NOW)
    change(pipeline, "UPDATE ai_models SET retires_on = NULL")
    accept(pipeline, identity, actor="ann", now=NOW)
    with pytest.raises(DecisionRefused, match="accepted"):
        accept(pipeline, identity, actor="ann", now=NOW)


@pytest.mark.parametrize("by_a_person", [False, True])
def test_a_rule_whose_model_is_proven_worse_is_taken_back_unless_a_person_made_it(
    pipeline: Engine, engine: Engine, by_a_person: bool
) -> None:
    change(engine, "UPDATE ai_feature_settings SET auto_apply = TRUE")
    night(pipeline)
    if by_a_person:
        accept(pipeline, recommendation(pipeline)["id"], actor="ann", now=NOW)
    else:
        review(pipeline, now=NOW)
    replay(engine, "incumbent", good(3 * ITEMS), first=2 * ITEMS, cost_usd=0.02)
    replay(engine, "cheap", [0.0] * (3 * ITEMS), first=2 * ITEMS)
    change(engine, HARD, c="low", n=2 * ITEMS)
    night(pipeline, 1)
    review(pipeline, now=NOW + NIGHT)
    assert settings(pipeline)["workload_models"] == ([RULE] if by_a_person else [])
    if not by_a_person:
        [entry] = rows(pipeline, "SELECT before, after FROM audit_log WHERE action = 'roll_back'")
        assert (entry["before"]["workload_models"], entry["after"]["workload_models"]) == ([RULE], [])
        assert review(pipeline, now=NOW + NIGHT).applied == 0


# Where the level comes from


def test_a_replayed_item_keeps_the_level_of_its_sample(engine: Engine) -> None:
    change(engine, 'UPDATE ai_workload_samples SET workload = \'{"complexity": "high"}\'')
    [sample] = rows(engine, "SELECT item_key FROM ai_workload_samples LIMIT 1")
    row = {
        "organization_id": str(ACME), "feature_id": "chat", "model_id": str(MODELS["other"]), "source": "replay",
        "suite": "s", "case_key": sample["item_key"], "finished_at": NOW.isoformat(), "simulated": False, "trial": 1,
        "warm_up": False,
    }  # fmt: skip
    with engine.begin() as connection:
        [run] = connection.exec_driver_sql("SELECT id FROM ai_benchmark_runs").scalars()
        run_sql(connection, "queries/benchmark_record", {"run_id": run, "rows": json.dumps([row])})
    change(engine, "DELETE FROM ai_workload_samples")
    found = rows(engine, "SELECT complexity FROM ai_benchmark_results WHERE model_id = :m", m=MODELS["other"])
    assert found == [{"complexity": "high"}]
