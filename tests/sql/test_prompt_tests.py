"""A person's prompt on a few models: asked once, within its limit, kept apart from evidence, gone after a day."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from benchmark_support import ACME, BLOOM, MODELS, NOW, SETTINGS, Vendor, credentials, rows, verify
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from modelscout.benchmarks.cases import Case
from modelscout.benchmarks.plan import create_run
from modelscout.benchmarks.prompt_tests import create_prompt_test_run, prompt_costs, room_today
from modelscout.benchmarks.runner import PHASES, finish_run, run_shard
from modelscout.core.errors import AuthenticationFailed, ConfigurationError
from modelscout.warehouse.maintenance import maintain
from modelscout.web.scoped import RowScope, enforce_scopes, scoped

pytestmark = pytest.mark.usefixtures("small_warehouse")
TEST = str(uuid.UUID(int=77))
PROMPT = "What does our contract with Bloom say?"


def store(engine: Engine, *names: str, limit: str = "1") -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_prompt_tests (id, organization_id, feature_id, asked_by, asked_at, expires_at, "
                "model_ids, prompt, max_output_tokens, spend_limit_usd) VALUES (:id, :o, 'chat', 'anna', :now, "
                ":expires, cast(:models AS uuid[]), :prompt, 64, :limit)"
            ),
            {
                "id": TEST,
                "o": ACME,
                "now": NOW,
                "expires": NOW + timedelta(days=1),
                "models": [str(MODELS[name]) for name in names],
                "prompt": PROMPT,
                "limit": Decimal(limit),
            },
        )


def ask(engine: Engine, vendor: Vendor) -> dict[str, int]:
    plan = create_prompt_test_run(engine, TEST, run_key="manual__1", now=NOW)
    counts: dict[str, int] = {}
    for phase in PHASES:
        [shard] = plan.shards
        work = run_shard(
            engine, plan.run_id, shard, credentials, SETTINGS, now=NOW, phases=[phase], opener=vendor.open
        )
        for name, count in asyncio.run(work).items():
            counts[name] = counts.get(name, 0) + count
    finish_run(engine, plan.run_id, NOW)
    return counts


def answers(engine: Engine) -> dict[str, Any]:
    found = rows(
        engine,
        "SELECT m.provider_model_id, a.answer, a.error_type, a.duration_ms, a.cost_usd "
        "FROM ai_prompt_test_answers AS a JOIN ai_models AS m ON a.model_id = m.id",
    )
    return {row[0]: row[1:] for row in found}


def test_each_model_answers_once_and_nothing_becomes_evidence(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good", "cheap")
    store(engine, "good", "cheap")
    assert ask(engine, vendor)["answered"] == 2
    assert answers(engine)["good"] == ("yes", None, 500, Decimal("0.00014"))
    assert set(answers(engine)) == {"good", "cheap"}
    assert sorted(vendor.asked) == [("cheap", PROMPT), ("good", PROMPT)]
    # A task that is tried again, or a second run that names the same test, pays nothing more.
    assert ask(engine, vendor)["already_done"] == 2
    assert len(vendor.asked) == 2
    assert rows(engine, "SELECT count(*) FROM ai_benchmark_results") == [(0,)]
    assert rows(engine, "SELECT benchmark_results FROM ai_models WHERE benchmark_results <> '{}'") == []
    assert rows(engine, "SELECT id::text, kind, status FROM ai_benchmark_runs") == [
        (TEST, "prompt_test", "finished")
    ]
    assert rows(engine, "SELECT sum(settled_usd) < 0.001 FROM spend_reservations") == [(True,)]


def test_a_model_that_fails_or_is_not_asked_says_why(engine: Engine, vendor: Vendor) -> None:
    store(engine, "good", "cheap", "old")
    vendor.fails = lambda request: (
        AuthenticationFailed("no", provider="openai") if request.model == "good" else None
    )
    ask(engine, vendor)
    assert answers(engine)["good"][1] == "authentication_failed"
    assert answers(engine)["old"][1] == "not_usable"
    assert len(answers(engine)) == 3


def test_the_limit_is_never_passed(engine: Engine, vendor: Vendor) -> None:
    store(engine, "good", "cheap", limit="0.0000001")
    ask(engine, vendor)
    assert vendor.asked == []
    assert {answer[1] for answer in answers(engine).values()} == {"spend_limit_reached"}


def test_the_cost_is_bounded_beforehand(engine: Engine) -> None:
    case = Case("", "chat", PROMPT, max_output_tokens=64)
    wanted = [str(MODELS[name]) for name in ("good", "old", "cheap")]
    costs = prompt_costs(engine, str(ACME), wanted, case, now=NOW)
    assert [c.model for c in costs] == ["openai/good", "openai/cheap"]
    assert costs[0].worst_usd is not None
    assert costs[1].worst_usd == costs[0].worst_usd / 10
    assert costs[0].worst_usd > Decimal("0.002")
    assert room_today(engine, str(ACME), now=NOW) is None
    with engine.begin() as connection:
        connection.execute(text("UPDATE organizations SET benchmark_limit_usd_per_day = 0.5"))
        values = {"r": uuid.uuid4(), "o": ACME, "b": BLOOM, "now": NOW, "yesterday": NOW - timedelta(days=1)}
        for statement in (
            "INSERT INTO ai_benchmark_runs VALUES (:r, 'manual', '{}', 1, 1, 'finished', :now)",
            "INSERT INTO spend_reservations (run_id, organization_id, reserved_usd, settled_usd, created_at) "
            "VALUES (:r, :o, 1, 0.2, :now), (:r, :b, 1, 0.4, :now), (:r, :o, 9, 9, :yesterday)",
        ):
            connection.execute(text(statement), values)
    assert room_today(engine, str(ACME), now=NOW) == Decimal("0.3")


def test_a_test_expires_with_its_answers(engine: Engine, vendor: Vendor) -> None:
    store(engine, "good")
    ask(engine, vendor)
    assert maintain(engine, now=NOW + timedelta(hours=23)).prompt_tests_deleted == 0
    assert maintain(engine, now=NOW + timedelta(hours=24)).prompt_tests_deleted == 1
    assert rows(engine, "SELECT count(*) FROM ai_prompt_test_answers") == [(0,)]
    with pytest.raises(ConfigurationError, match="no stored test, or it has expired"):
        create_prompt_test_run(engine, TEST, run_key="x", now=NOW)


def test_the_database_shows_a_person_the_runs_and_tests_of_his_organizations_only(engine: Engine) -> None:
    verify(engine, "good")
    store(engine, "good")
    runs = {}
    for key, kind, organizations in (
        ("night", "nightly", None),
        ("everybody", "manual", None),
        ("acme", "manual", ["acme"]),
        ("bloom", "manual", [str(BLOOM)]),
        ("both", "manual", ["acme", "bloom"]),
    ):
        plan = create_run(
            engine, SETTINGS, run_key=key, now=NOW, kind=kind, organizations=organizations, about="accuracy"
        )
        runs[plan.run_id] = key
    enforce_scopes(engine)

    def seen(*ids: uuid.UUID) -> set[str]:
        scope = RowScope([str(i) for i in ids], [])
        with scoped(engine, scope).connect() as connection:
            return {
                runs[str(i)] for i in connection.execute(text("SELECT id FROM ai_benchmark_runs")).scalars()
            }

    assert seen(ACME) == {"night", "acme"}
    assert seen(BLOOM) == {"night", "bloom"}
    assert seen(ACME, BLOOM) == {"night", "acme", "bloom", "both"}
    assert seen() == {"night"}
    editor = scoped(engine, RowScope([str(ACME)], [str(ACME)]), read_only=False)
    with editor.begin() as connection:
        cancelled = connection.execute(
            text("UPDATE ai_benchmark_runs SET status = 'cancelled' RETURNING id::text")
        ).scalars()
        assert [runs[i] for i in cancelled] == ["acme"]
    for forbidden in ("parameters", "planned_calls"):
        with pytest.raises(DBAPIError, match="permission denied"), editor.connect() as connection:
            connection.execute(text(f"SELECT {forbidden} FROM ai_benchmark_runs"))
    for scope, count in ((RowScope([str(ACME)], []), 1), (RowScope([str(BLOOM)], [str(BLOOM)]), 0)):
        with scoped(engine, scope).connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM ai_prompt_tests")).scalar() == count
    with pytest.raises(DBAPIError, match="row-level security"), editor.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_prompt_tests SELECT gen_random_uuid(), :b, feature_id, asked_by, asked_at, "
                "expires_at, model_ids, prompt, image, image_media_type, 1, 1 FROM ai_prompt_tests"
            ),
            {"b": BLOOM},
        )
