"""`deployment check` beside an Airflow where nothing runs yet: every sick part by name, and what is mended is well."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from modelscout.cli import main
from modelscout.orchestration.deployment.health import Finding, State, check
from modelscout.warehouse.engine import open_engine

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STAGES = ("discovery", "capabilities", "benchmarks", "rollup", "training", "publishing", "review")


def look(url: str) -> dict[str, Finding]:
    return {finding.part: finding for finding in check(url, now=NOW)}


def known_dags() -> int:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    with create_session() as session:
        return int(session.scalar(select(func.count()).select_from(DagModel)) or 0)


def sick(found: dict[str, Finding]) -> set[str]:
    return {part for part, finding in found.items() if finding.state is not State.WELL}


def test_every_part_is_looked_at_and_says_what_to_do(metadata: None, warehouse_url: str) -> None:
    found = look(warehouse_url)
    stages = {f"stage {name}" for name in STAGES}
    airflow = {"scheduler", "dag-processor", "triggerer", "DAG files", "DAGs", "pools", "connections"}
    assert set(found) == {"database", "migrations", "keys"} | stages | airflow
    assert found["scheduler"].detail == "never started: start it"
    # Other tests of this process may have let Airflow read the DAGs into the same metadata.
    assert ("unpause them" if known_dags() else "Airflow has read none of ours") in found["DAGs"].detail
    assert "discover_models" in found["stage discovery"].detail


def test_pools_are_missed_until_they_are_made(metadata: None, warehouse_url: str) -> None:
    from airflow.models import Pool
    from airflow.utils.session import create_session

    from modelscout.orchestration.bootstrap import bootstrap

    bootstrap({})
    assert "pools" not in sick(look(warehouse_url))
    with create_session() as session:
        session.query(Pool).filter(Pool.pool == "llm_openai").delete()
    assert look(warehouse_url)["pools"].detail.startswith("llm_openai: run `modelscout deployment prepare`")


def test_a_heartbeat_that_is_old_is_sick_and_a_fresh_one_is_well(metadata: None, warehouse_url: str) -> None:
    from airflow.jobs.job import Job
    from airflow.sdk.timezone import utcnow
    from airflow.utils.session import create_session

    with create_session() as session:
        session.add(Job(job_type="SchedulerJob", state="running", latest_heartbeat=utcnow()))
        session.add(
            Job(job_type="TriggererJob", state="running", latest_heartbeat=datetime(2026, 1, 1, tzinfo=UTC))
        )
    found = look(warehouse_url)
    assert found["scheduler"].state is State.WELL
    assert found["triggerer"].detail.startswith("no heartbeat since 2026-01-01 00:00:00 UTC")
    with create_session() as session:
        session.query(Job).delete()


def test_keys_that_are_refused_and_connections_without_one_are_named(
    metadata: None, warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(warehouse_url)
    with engine.begin() as connection:
        organization = "INSERT INTO organizations (slug, name) VALUES ('acme', 'Acme') RETURNING id"
        owner = connection.execute(text(organization)).scalar_one()
        keys = "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) "
        for provider, health in (("openai", "refused"), ("google", "ok")):
            values = {"o": owner, "p": provider, "r": f"llm__acme__{provider}", "h": health}
            connection.execute(text(f"{keys} VALUES (:o, :p, :r, :h)"), values)
    engine.dispose()
    monkeypatch.setenv(
        "AIRFLOW_CONN_LLM__ACME__OPENAI", json.dumps({"conn_type": "generic", "password": "hidden-key"})
    )
    found = look(warehouse_url)
    assert found["keys"].detail.startswith("acme openai (refused): put a key that works")
    assert found["connections"].detail.startswith("llm__acme__google: make the connection")
    assert not any("hidden-key" in finding.detail for finding in found.values())


def test_pending_migrations_are_counted_and_nothing_else_is_asked(
    metadata: None, empty_database_url: str
) -> None:
    found = look(empty_database_url)
    assert found["migrations"].detail.startswith(f"{len(list((ROOT / 'sql/migrations').iterdir()))} pending")
    assert (found["keys"].state, found["stages"].state) == (State.UNKNOWN, State.UNKNOWN)


def test_the_command_exits_with_1_and_names_the_database_that_is_away_without_its_password(
    metadata: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(
        "MODELSCOUT_DATABASE_URL", "postgresql+psycopg://nightly:hidden@127.0.0.1:1/modelscout"
    )
    assert main(["deployment", "check", "--json"]) == 1
    printed = capsys.readouterr().out
    answer = json.loads(printed)
    assert answer["well"] is False
    assert {f["part"]: f["state"] for f in answer["findings"]}["database"] == "sick"
    assert "hidden" not in printed
    assert main(["deployment", "check"]) == 1
    assert "database" in capsys.readouterr().out


def test_the_page_for_an_existing_airflow_lists_every_pool() -> None:
    from modelscout.orchestration.assets import POOLS

    page = (ROOT / "docs/existing-airflow.md").read_text(encoding="utf-8")
    assert {
        name: int(slots) for name, slots in re.findall(r"^\| `(llm_\w+)` \| (\d+) \|$", page, re.MULTILINE)
    } == POOLS
