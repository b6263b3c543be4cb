"""`make run` from nothing: the chain, the recommendations, nothing left, no key anywhere."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from e2e.conftest import FIXED_NOW, FinishedRun, run_modelscout
from modelscout.demo import processes
from modelscout.demo.expectations import check_recommendations
from modelscout.demo.launcher import CHAIN
from modelscout.demo.scenario import demo_keys
from modelscout.recommender.read import list_alerts, list_recommendations
from modelscout.warehouse.engine import open_engine

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def warehouse(finished_run: FinishedRun) -> Iterator[Engine]:
    engine = open_engine(finished_run.databases.owner_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def metadata(finished_run: FinishedRun) -> Iterator[Engine]:
    engine = create_engine(finished_run.databases.metadata_url)
    yield engine
    engine.dispose()


def test_it_exits_with_zero(finished_run: FinishedRun) -> None:
    assert finished_run.completed.returncode == 0, finished_run.completed.stdout[-3000:]


@pytest.mark.last
def test_stopped_it_leaves_no_process(finished_run: FinishedRun) -> None:
    assert processes.running(finished_run.folder) != []
    stopped = run_modelscout(finished_run.folder, command="down")
    assert stopped.returncode == 0, stopped.stdout
    assert processes.running(finished_run.folder) == []


def test_every_dag_of_the_chain_succeeded_exactly_once_and_assets_started_all_but_the_first(
    finished_run: FinishedRun, metadata: Engine
) -> None:
    with metadata.connect() as connection:
        rows = connection.execute(text("SELECT dag_id, run_type, state FROM dag_run")).all()
    chain = [row for row in rows if row.dag_id in CHAIN]
    assert Counter(row.dag_id for row in chain) == dict.fromkeys(CHAIN, 1)
    assert {row.state for row in chain} == {"success"}
    assert {row.dag_id for row in chain if row.run_type != "asset_triggered"} == {"discover_models"}


def test_the_recommendations_are_what_the_emulator_was_set_to(
    finished_run: FinishedRun, warehouse: Engine
) -> None:
    rows = list_recommendations(warehouse)
    assert check_recommendations(rows, now=datetime.fromisoformat(FIXED_NOW)) == []
    printed = finished_run.completed.stdout
    for word in ("switch", "migrate", "keep", "trial", "insufficient", "Simulated"):
        assert word in printed


def test_alerts_name_what_retires_and_the_money_exposed(warehouse: Engine) -> None:
    messages = " ".join(alert["message"] for alert in list_alerts(warehouse))
    assert "claude-sonnet-4-5 retires on 2026-12-02 (in 9 days)" in messages
    assert "a day depend on it" in messages


def test_everything_simulated_is_marked(warehouse: Engine) -> None:
    with warehouse.connect() as connection:
        for table in (
            "ai_usage_events",
            "ai_model_analytics",
            "ai_benchmark_results",
            "ai_model_recommendations",
        ):
            counts = connection.execute(
                text(f"SELECT count(*), count(*) FILTER (WHERE simulated) FROM {table}")
            ).one()
            assert counts[0] > 0, table
            assert counts[0] == counts[1], table


def test_no_key_stands_in_any_table_log_or_message(finished_run: FinishedRun) -> None:
    keys = [key.encode() for key in demo_keys(finished_run.folder).values()]
    found = []
    for url in (finished_run.databases.metadata_url, finished_run.databases.owner_url):
        engine = create_engine(url)
        found += list(_tables_with(engine, keys))
        engine.dispose()
    secret_files = {"profile.json"}
    for path in finished_run.folder.rglob("*"):
        # The database's files are searched as tables; the emulator must know whom it answers.
        if (
            not path.is_file()
            or "postgres" in path.relative_to(finished_run.folder).parts
            or path.name in secret_files
        ):
            continue
        content = path.read_bytes()
        found += [str(path) for key in keys if key in content]
    printed = (finished_run.completed.stdout + finished_run.completed.stderr).encode()
    found += ["printed" for key in keys if key in printed]
    assert found == []


def _tables_with(engine: Engine, keys: list[bytes]) -> Iterator[str]:
    with engine.connect() as connection:
        tables = (
            connection.execute(
                text(
                    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c "
                    "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind = 'r' "
                    "AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
                )
            )
            .scalars()
            .all()
        )
        for table in tables:
            # A row is written out once for all keys.
            hit = connection.execute(
                text(
                    f"SELECT 1 FROM {table} AS t, LATERAL (SELECT cast(t AS text) AS said OFFSET 0) AS r "
                    "WHERE EXISTS (SELECT FROM unnest(cast(:keys AS text[])) AS k WHERE position(k IN r.said) > 0) "
                    "LIMIT 1"
                ),
                {"keys": [key.decode() for key in keys]},
            ).scalar()
            if hit:
                yield table


def test_the_search_for_keys_can_find_one(finished_run: FinishedRun, warehouse: Engine) -> None:
    key = next(iter(demo_keys(finished_run.folder).values()))
    with warehouse.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO audit_log (actor, action, subject, after) VALUES ('x', 'x', 'x', CAST(:a AS jsonb))"
            ),
            {"a": json.dumps({"leaked": key})},
        )
    try:
        assert list(_tables_with(warehouse, [key.encode()])) == ["public.audit_log"]
    finally:
        with warehouse.begin() as connection:
            connection.execute(text("DELETE FROM audit_log WHERE actor = 'x'"))


def test_secret_files_are_readable_to_their_owner_only(finished_run: FinishedRun) -> None:
    for name in (
        "admin_password",
        "demo_keys.json",
        "environment",
        "emulator/profile.json",
        "airflow/passwords.json",
    ):
        path: Path = finished_run.folder / name
        assert path.stat().st_mode & 0o077 == 0, name
