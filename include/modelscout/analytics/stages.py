"""When each stage of the night last succeeded, and which of them are sick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Engine

from modelscout.warehouse.engine import Row, run_sql

LATE_AFTER = timedelta(hours=36)
"""A stage of every night that has not succeeded for so long missed one."""
DAGS: Mapping[str, str] = {
    "discovery": "discover_models",
    "capabilities": "test_model_capabilities",
    "benchmarks": "benchmark_models",
    "rollup": "roll_up_model_analytics",
    "training": "train_recommender",
    "publishing": "publish_recommendations",
    "review": "review_adoption",
}
"""Stages in the order of the night, with the DAG that does each."""
WHEN_DUE = {"capabilities", "benchmarks", "review"}
"""Have nothing to do on some nights: no success is not a failure."""


class Health(StrEnum):
    """How one stage is."""

    WELL = "well"
    LATE = "late"
    FAILED = "failed"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the night."""

    name: str
    dag_id: str
    health: Health
    succeeded_at: datetime | None
    """For the review the begin of the day (UTC) that it wrote; None: never."""
    problem: str | None
    """What a person should know or do; None where it is well."""


def stages(engine: Engine, *, organization_ids: Sequence[str] | None, now: datetime) -> list[Stage]:
    """All stages, as far as these organizations (None: all) are concerned."""
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/stage_freshness", {"organization_ids": organization_ids})
    found = {row["stage"]: row for row in rows}
    return [_stage(name, found[name], now) for name in DAGS]


def _stage(name: str, row: Row, now: datetime) -> Stage:
    health, problem = _health(name, row, now)
    return Stage(name, DAGS[name], health, row["succeeded_at"], problem)


def _health(name: str, row: Row, now: datetime) -> tuple[Health, str | None]:
    succeeded: datetime | None = row["succeeded_at"]
    if row["failed_at"] is not None and (succeeded is None or row["failed_at"] > succeeded):
        return Health.FAILED, f"Its last run failed: see the log of {DAGS[name]}."
    if row["broken"]:
        return Health.FAILED, _broken(name, row["broken"])
    if succeeded is None:
        due = name not in WHEN_DUE
        return Health.NEVER, f"It never ran: unpause and run {DAGS[name]}." if due else None
    if name not in WHEN_DUE and now - succeeded > LATE_AFTER:
        return Health.LATE, f"It missed a night: see why {DAGS[name]} did not run."
    return Health.WELL, None


def _broken(name: str, count: int) -> str:
    many = "s" if count != 1 else ""
    if name == "discovery":
        return f"{count} provider key{many} cannot be used: see the alerts."
    return f"{count} alert{many} about the data: nothing is published for those organizations until mended."
