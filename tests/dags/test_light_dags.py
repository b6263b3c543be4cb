"""The DAGs that call no provider, run by Airflow's own task runner against a warehouse, as the nightly role."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORGANIZATION = "00000000-0000-0000-0000-0000000000aa"
Run = Callable[..., str]


@pytest.fixture(scope="module")
def nightly_url(warehouse_url: str) -> str:
    """The warehouse with one organization and a few events, as the role of the nightly runs."""
    from modelscout.warehouse.engine import open_engine

    engine = open_engine(warehouse_url)
    with engine.begin() as c:
        c.execute(text("CREATE ROLE dags_nightly LOGIN IN ROLE modelscout_pipeline"))
        c.execute(text("SELECT modelscout.ensure_usage_partitions('2026-11-20', '2026-11-23')"))
        c.execute(
            text("INSERT INTO organizations (id, name, slug) VALUES (:o, 'Acme', 'acme')"),
            {"o": ORGANIZATION},
        )
        c.execute(
            text("INSERT INTO ai_models (provider, provider_model_id, name) VALUES ('openai', 'm', 'M')")
        )
        c.execute(text("INSERT INTO ai_features (id, name, use_case) VALUES ('chat', 'Chat', 'real_time')"))
        c.execute(
            text("INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
                 "SELECT :o, 'chat', id FROM ai_models"),
            {"o": ORGANIZATION},
        )  # fmt: skip
        c.execute(
            text(
                "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
                "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
                "VALUES ('openai', 'm', 'standard', '2026-01-01', 1, 2, 'test')"
            )
        )
    engine.dispose()
    return warehouse_url.replace("postgres@", "dags_nightly@")


@pytest.fixture(autouse=True)
def nothing_happened_yet(nightly_url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE ai_usage_events, ai_model_analytics, usage_rollup_state, data_quality_results, "
                "ai_workload_samples, recommender_runs, ai_model_recommendations, alerts CASCADE"
            )
        )


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """Where runs write their reports."""
    return tmp_path / "data"


@pytest.fixture
def run(bag: Any, nightly_url: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs one DAG in this process; returns the state that it ended in."""
    monkeypatch.setenv("MODELSCOUT_DATABASE_URL", nightly_url)
    monkeypatch.setenv("MODELSCOUT_NOW", NOW.isoformat())
    monkeypatch.setenv("MODELSCOUT_DATA_DIR", str(data_folder))
    monkeypatch.setenv("GX_ANALYTICS_ENABLED", "false")
    # A failed task fails here at once: no waiting for another try.
    for dag in bag.dags.values():
        for task in dag.tasks:
            monkeypatch.setattr(task, "retries", 0)

    def run_dag(name: str, **arguments: Any) -> str:
        return str(bag.dags[name].test(logical_date=None, **arguments).state)

    return run_dag


def add_events(engine: Engine, *request_ids: str) -> None:
    with engine.begin() as connection:
        for request_id in request_ids:
            connection.execute(
                text(
                    "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, request_id, "
                    "occurred_at, input_tokens, output_tokens, duration_ms) VALUES (:o, 'chat', 'openai', 'm', :r, "
                    "'2026-11-22T10:00Z', 1000, 500, 800)"
                ),
                {"o": ORGANIZATION, "r": request_id},
            )


def value(engine: Engine, sql: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(sql)).scalar()


def test_maintenance_makes_partitions_ahead_and_deletes_what_expired(run: Run, engine: Engine) -> None:
    with engine.begin() as connection:
        for item, expires in (("old", "2026-11-23T11:59Z"), ("new", "2026-11-24")):
            connection.execute(
                text(
                    "INSERT INTO ai_workload_samples (organization_id, feature_id, item_key, prompt, grader, "
                    "sampled_at, expires_at) VALUES (:o, 'chat', :item, 'p', 'exact', '2026-11-01', :expires)"
                ),
                {"o": ORGANIZATION, "item": item, "expires": expires},
            )
    for _ in range(2):
        assert run("maintain_warehouse") == "success"
    assert value(engine, "SELECT to_regclass('ai_usage_events_20261207')") is not None
    assert value(engine, "SELECT string_agg(item_key, ',') FROM ai_workload_samples") == "new"


def test_the_hourly_rollup_takes_in_what_is_new(run: Run, engine: Engine) -> None:
    add_events(engine, "r1", "r2")
    for _ in range(2):
        assert run("roll_up_recent_usage") == "success"
    assert value(engine, "SELECT sum(total_requests) FROM ai_model_analytics") == 2
    assert value(engine, "SELECT sum(total_cost) FROM ai_model_analytics") * 1000 == 4


def test_the_nightly_rollup_keeps_the_results_of_its_checks(run: Run, engine: Engine) -> None:
    add_events(engine, "r1", "r2", "r3")
    assert run("roll_up_model_analytics") == "success"
    assert value(engine, "SELECT sum(total_requests) FROM ai_model_analytics") == 3
    assert value(engine, "SELECT count(*) > 5 AND bool_and(success) FROM data_quality_results") is True


def test_training_and_publishing_end_well_with_too_little_data(
    run: Run, engine: Engine, data_folder: Path
) -> None:
    assert run("train_recommender") == "success"
    assert value(engine, "SELECT published FROM recommender_runs") is False
    for _ in range(2):
        assert run("publish_recommendations") == "success"
    assert (
        value(engine, "SELECT string_agg(verdict, ',') FROM ai_model_recommendations")
        == "insufficient_evidence"
    )
    assert all("unproven_switch" in page.read_text() for page in (data_folder / "quality").iterdir())
    assert len(list((data_folder / "quality").iterdir())) == 2
    assert run("review_adoption") == "success"


def test_a_table_that_fails_the_gate_fails_the_run_after_its_results_are_kept(
    run: Run, engine: Engine, data_folder: Path
) -> None:
    add_events(engine, "r1")
    assert run("roll_up_recent_usage") == "success"
    with engine.begin() as connection:
        connection.execute(text("UPDATE ai_model_analytics SET organization_id = NULL"))
    assert run("roll_up_model_analytics") == "failed"
    [report] = (data_folder / "quality").iterdir()
    assert "without_organization" in report.read_text(encoding="utf-8")
    assert (
        value(engine, "SELECT count(*) FROM data_quality_results WHERE NOT success AND severity = 'block'")
        == 1
    )


def test_an_organization_that_fails_the_gate_is_blocked_and_the_run_goes_on(run: Run, engine: Engine) -> None:
    add_events(engine, "r1")
    assert run("roll_up_recent_usage") == "success"
    with engine.begin() as connection:
        connection.execute(text("UPDATE ai_model_analytics SET success_rate = 0.5"))
    assert run("roll_up_model_analytics") == "success"
    assert value(
        engine, "SELECT message FROM alerts WHERE resolved_at IS NULL AND kind = 'data_quality'"
    ) == ("ai_model_analytics fails wrong_success_rate; nothing is published until mended.")
    assert run("publish_recommendations") == "success"
    assert value(engine, "SELECT count(*) FROM ai_model_recommendations") == 0
