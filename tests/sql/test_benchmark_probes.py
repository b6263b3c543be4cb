"""Capability probes on real Postgres, with a vendor in memory."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import pytest
from benchmark_support import (
    ACME,
    BLOOM,
    MODELS,
    NOW,
    SETTINGS,
    Vendor,
    create_run,
    probe_all,
    rows,
    run_all,
)
from sqlalchemy import Engine, text

from modelscout.benchmarks.capabilities import plan_probes
from modelscout.benchmarks.work import load_settled
from modelscout.core.errors import ModelNotFound

pytestmark = pytest.mark.usefixtures("small_warehouse")


def test_each_model_is_probed_once_with_the_first_key(engine: Engine) -> None:
    planned = plan_probes(engine, NOW, 2)
    assert planned == [[[str(MODELS["cheap"]), str(ACME)]], [[str(MODELS["good"]), str(ACME)]]]
    json.dumps(planned)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE organization_provider_keys SET enabled = FALSE",
        "UPDATE organization_provider_keys SET health = 'refused'",
        "UPDATE organization_provider_keys SET allows_platform_probes = FALSE",
        "UPDATE ai_model_availability SET status = 'unavailable'",
        "UPDATE organizations SET modelscout_enabled = FALSE",
        "INSERT INTO ai_model_settings (organization_id, model_id, enabled) "
        "SELECT organization_id, model_id, FALSE FROM ai_model_availability",
    ],
)
def test_a_key_that_may_not_be_used_probes_nothing(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))
    assert plan_probes(engine, NOW, 2) == []
    assert create_run(engine, SETTINGS, run_key="r", now=NOW).shards == []


def test_what_is_probed_is_not_due_until_it_changes_or_ages(engine: Engine, vendor: Vendor) -> None:
    counts = probe_all(engine, vendor)
    assert counts == {"verified": 14, "untested": 2}
    assert plan_probes(engine, NOW, 2) == []
    asked = len(vendor.asked)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE ai_models SET updated_at = :at WHERE provider_model_id = 'good'"),
            {"at": NOW + timedelta(hours=1)},
        )
    later = NOW + timedelta(hours=2)
    assert [target[0] for shard in plan_probes(engine, later, 2) for target in shard] == [str(MODELS["good"])]
    probe_all(engine, vendor, later)
    assert len(vendor.asked) == asked + 7
    assert plan_probes(engine, later, 2) == []
    assert len(plan_probes(engine, later + timedelta(days=31), 2)) == 2


@pytest.mark.parametrize(("speaks_for_vendor", "due"), [(True, ["good"]), (False, [])])
def test_a_model_that_changed_under_its_id_is_probed_and_benchmarked_again(
    engine: Engine, vendor: Vendor, speaks_for_vendor: bool, due: list[str]
) -> None:
    probe_all(engine, vendor)
    run_all(engine, vendor, create_run(engine, SETTINGS, run_key="r", now=NOW))
    settled = load_settled(engine, now=NOW)
    assert {case.model_id for case in settled} == {str(MODELS[name]) for name in ("good", "cheap")}
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE organization_provider_keys SET speaks_for_vendor = :v WHERE organization_id = :o"),
            {"v": speaks_for_vendor, "o": BLOOM},
        )
        connection.execute(
            text(
                "INSERT INTO model_events (organization_id, model_id, kind, natural_key, occurred_at) "
                "VALUES (:o, :m, 'served_model_changed', 'k', :at)"
            ),
            {"o": BLOOM, "m": MODELS["good"], "at": NOW + timedelta(hours=1)},
        )
    later = NOW + timedelta(hours=2)
    planned = [target[0] for shard in plan_probes(engine, later, 2) for target in shard]
    assert planned == [str(MODELS[name]) for name in due]
    expired = {case.model_id for case in settled} - {
        case.model_id for case in load_settled(engine, now=later)
    }
    assert expired == {str(MODELS[name]) for name in due}
    vendor.asked.clear()
    probe_all(engine, vendor, later)
    # All seven probes anew: what is known of the version is from before it changed.
    assert Counter(name for name, _ in vendor.asked) == dict.fromkeys(due, 7)
    run_all(engine, vendor, create_run(engine, SETTINGS, run_key="r2", now=later), now=later)
    assert plan_probes(engine, later, 2) == []
    assert load_settled(engine, now=later).keys() == settled.keys()


def test_a_planted_contradiction_is_found_and_none_invented(engine: Engine, vendor: Vendor) -> None:
    vendor.wrong = lambda request: request.model == "cheap" and bool(request.images)
    probe_all(engine, vendor)
    found = rows(
        engine,
        "SELECT m.provider_model_id, c.capability, c.evidence, c.simulated FROM ai_model_capabilities AS c "
        "JOIN ai_models AS m ON m.id = c.model_id WHERE c.result = 'contradicted'",
    )
    assert [(row[0], row[1]) for row in found] == [("cheap", "image_analysis")]
    assert len(found[0].evidence["attempts"]) >= 2
    assert found[0].simulated


def test_a_failing_call_leaves_untested_and_due_and_hides_no_conclusion(
    engine: Engine, vendor: Vendor
) -> None:
    vendor.fails = lambda request: ModelNotFound("gone", provider="openai")
    probe_all(engine, vendor)
    assert rows(engine, "SELECT count(*) FROM ai_model_capabilities WHERE tested_at IS NOT NULL") == [(0,)]
    assert len(plan_probes(engine, NOW, 1)[0]) == 2
    vendor.fails = lambda request: None
    probe_all(engine, vendor)
    later = NOW + timedelta(days=40)
    vendor.fails = lambda request: ModelNotFound("gone", provider="openai")
    probe_all(engine, vendor, later)
    assert rows(engine, "SELECT count(*) FROM ai_model_capabilities WHERE result = 'verified'") == [(14,)]
