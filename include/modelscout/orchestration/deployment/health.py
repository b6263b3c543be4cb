"""How a deployment is: every part by name, what is sick, and what to do. Asks no HTTP server and calls no provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from modelscout.analytics import stages
from modelscout.core.errors import ModelscoutError
from modelscout.orchestration.deployment import airflow_health
from modelscout.warehouse.engine import Row, run_sql, warehouse
from modelscout.warehouse.migrate import pending


class State(StrEnum):
    """What a look at one part found."""

    WELL = "well"
    SICK = "sick"
    UNKNOWN = "unknown"
    """Something before it is sick, so that it could not be looked at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of the deployment."""

    part: str
    state: State
    detail: str
    """What was seen; where it is sick, with the remedy."""


def check(database_url: str, *, now: datetime) -> list[Finding]:
    """Every part, in the order in which they depend on each other."""
    findings: list[Finding] = []
    keys: list[Row] = []
    with warehouse(database_url) as engine:
        findings += _look("database", lambda: _database(engine))
        if all(finding.state is State.WELL for finding in findings):
            keys = _keys(engine)
            findings += _refused_keys(keys)
            findings += _look("stages", lambda: _stages(engine, now))
        else:
            findings += [
                Finding(part, State.UNKNOWN, "could not be looked at") for part in ("keys", "stages")
            ]
    findings += _look("airflow", lambda: _airflow([row["secret_reference"] for row in keys]))
    return findings


def _look(part: str, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """The findings of `look`; its failure is the finding `part`."""
    try:
        return list(look())
    except OperationalError as error:
        reason = next(iter(str(error.orig).strip().splitlines()), "no answer")
        return [Finding(part, State.SICK, f"does not answer ({reason}): see that it runs and who may log in")]
    except ModelscoutError as error:
        return [Finding(part, State.SICK, str(error))]


def _finding(part: str, problems: list[str], well: str, remedy: str) -> Finding:
    if not problems:
        return Finding(part, State.WELL, well)
    return Finding(part, State.SICK, f"{', '.join(problems)}: {remedy}")


def _database(engine: Engine) -> Iterator[Finding]:
    missing = pending(engine)
    yield Finding("database", State.WELL, "answers")
    yield _finding(
        "migrations",
        [f"{len(missing)} pending, the first is {missing[0]}"] if missing else [],
        "all applied",
        "run `modelscout deployment prepare`",
    )


def _keys(engine: Engine) -> list[Row]:
    with engine.connect() as connection:
        return run_sql(connection, "queries/deployment_keys")


def _refused_keys(keys: list[Row]) -> list[Finding]:
    bad = [
        f"{k['organization']} {k['provider']} ({k['access_error_type'] or k['health']})"
        for k in keys
        if not k["works"]
    ]
    return [_finding("keys", bad, f"{len(keys)} in use", "put a key that works into the connection")]


def _stages(engine: Engine, now: datetime) -> Iterator[Finding]:
    for stage in stages.stages(engine, organization_ids=None, now=now):
        if stage.health is stages.Health.WELL or stage.problem is None:
            when = (
                f"{stage.succeeded_at:%Y-%m-%d %H:%M} UTC" if stage.succeeded_at else "never, nothing was due"
            )
            yield Finding(f"stage {stage.name}", State.WELL, when)
        else:
            yield Finding(f"stage {stage.name}", State.SICK, stage.problem)


def _airflow(references: list[str]) -> Iterator[Finding]:
    for part, problem in airflow_health.components():
        yield Finding(part, State.SICK if problem else State.WELL, problem or "alive")
    yield _finding(
        "DAG files", airflow_health.import_errors(), "all load", "see Airflow's list of import errors"
    )
    yield _finding(
        "DAGs", airflow_health.not_running(), "none is paused", "unpause them, or nothing runs at night"
    )
    yield _finding(
        "pools",
        airflow_health.missing_pools(),
        "all there",
        "run `modelscout deployment prepare`, or their tasks wait for ever",
    )
    yield _finding(
        "connections",
        airflow_health.without_key(references),
        f"{len(set(references))} with a key",
        "make the connection, with the key as its password",
    )
