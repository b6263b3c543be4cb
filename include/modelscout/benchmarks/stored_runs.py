"""Benchmark runs as they are stored: plans, the runs of probes and of prompt tests."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Engine, text

from modelscout.core.errors import ConfigurationError
from modelscout.core.settings import Settings
from modelscout.warehouse.engine import run_sql

RUN_NAMESPACE = uuid.UUID("5b0f4f0e-6b0a-5a6f-9d3e-2f1f6f1f7c11")


class BenchmarkPlan(NamedTuple):
    """One run and how it is divided: lists of organization ids, small enough for XCom."""

    run_id: str
    shards: list[list[str]]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as `create_run` stored it."""

    run_id: str
    seed: int
    status: str
    started_at: datetime
    spend_limit_usd: Decimal
    shards: list[list[str]]
    replay: bool
    trials: int
    about: str
    """`all`, or what alone is measured: `accuracy`, `speed` or `cost`."""
    force: bool
    """Measure again what is still fresh."""
    models: list[str] | None
    features: list[str] | None
    suite_work: dict[str, dict[str, list[str]]]
    """Organization whose key is used, model, features."""
    choices: dict[str, list[str]]
    """`organization/feature` to the models that are replayed."""
    kind: str = "manual"


def run_id_of(run_key: str) -> uuid.UUID:
    """The id of the run that a DAG run or a command plans."""
    return uuid.uuid5(RUN_NAMESPACE, run_key)


def store_run(
    engine: Engine,
    run: StoredRun,
    asked: Mapping[str, Any],
    organizations: Sequence[str] | None,
    run_key: str,
) -> None:
    """Store a plan for these organizations (None: all); a run that is there stays as it is."""
    parameters = {
        "run_key": run_key,
        "replay": run.replay,
        "trials": run.trials,
        "about": run.about,
        "force": run.force,
        "models": run.models,
        "features": run.features,
        "shards": run.shards,
        "suite_work": run.suite_work,
    }
    values = {
        "run_id": run.run_id,
        "kind": run.kind,
        "parameters": json.dumps(parameters),
        "asked": json.dumps(asked),
        "organizations": None if organizations is None else list(organizations),
        "run_key": run_key,
        "seed": run.seed,
        "spend_limit_usd": run.spend_limit_usd,
        "now": run.started_at,
    }
    with engine.begin() as connection:
        run_sql(connection, "queries/benchmark_run_create", values)


def store_prompt_test_run(
    engine: Engine,
    test_id: str,
    organization_id: str,
    *,
    run_key: str,
    spend_limit_usd: Decimal,
    now: datetime,
) -> BenchmarkPlan:
    """The run that asks one prompt test, under the test's own id; once, however often it is called."""
    run = StoredRun(
        run_id=test_id,
        seed=0,
        status="running",
        started_at=now,
        spend_limit_usd=spend_limit_usd,
        shards=[[organization_id]],
        replay=False,
        trials=1,
        about="all",
        force=False,
        models=None,
        features=None,
        suite_work={},
        choices={},
        kind="prompt_test",
    )
    store_run(engine, run, {}, [organization_id], run_key)
    return BenchmarkPlan(test_id, run.shards)


def create_probe_run(engine: Engine, settings: Settings, *, run_key: str, now: datetime) -> str:
    """The run that capability probes are paid from, with a limit of its own; the same `run_key` finds it again."""
    run_id = run_id_of(f"probes/{run_key}")
    values = {
        "run_id": run_id,
        "kind": "probes",
        "parameters": json.dumps({"run_key": run_key}),
        "asked": "{}",
        "organizations": None,
        "run_key": run_key,
        "seed": 0,
        "spend_limit_usd": settings.spend_limit_usd,
        "now": now,
    }
    with engine.begin() as connection:
        run_sql(connection, "queries/benchmark_run_create", values)
    return str(run_id)


def finish_probe_run(engine: Engine, run_id: str, *, now: datetime) -> None:
    """Mark the probes' run finished; safe to repeat."""
    with engine.begin() as connection:
        run_sql(connection, "queries/benchmark_finish", {"run_id": run_id, "now": now})


def delete_run(engine: Engine, run_id: str) -> None:
    """Forget a run that measured nothing, such as an estimate; one with results stays."""
    statement = (
        "DELETE FROM ai_benchmark_runs WHERE id = :run_id "
        "AND NOT EXISTS (SELECT FROM ai_benchmark_results WHERE run_id = :run_id)"
    )
    with engine.begin() as connection:
        connection.execute(text(statement), {"run_id": run_id})


def load_run(engine: Engine, run_id: str) -> StoredRun:
    """The stored plan of a run. Raises ConfigurationError where there is none."""
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/benchmark_run", {"run_id": run_id})
    if not rows:
        raise ConfigurationError(f"run_id={run_id!r} is no benchmark run: create it with create_run")
    parameters: dict[str, Any] = rows[0]["parameters"]
    return StoredRun(
        run_id=run_id,
        seed=rows[0]["seed"],
        status=rows[0]["status"],
        started_at=rows[0]["started_at"],
        spend_limit_usd=rows[0]["spend_limit_usd"],
        shards=parameters["shards"],
        replay=parameters["replay"],
        trials=parameters.get("trials", 1),
        about=parameters.get("about", "all"),
        force=parameters["force"],
        models=parameters["models"],
        features=parameters["features"],
        suite_work=parameters["suite_work"],
        choices=parameters.get("choices", {}),
        kind=rows[0]["kind"],
    )
