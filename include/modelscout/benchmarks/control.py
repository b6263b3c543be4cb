"""What people decide about a run: approve or decline its cost, cancel it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Engine, text

from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import run_sql

STOPPED = ("declined", "cancelled")
"""A run in one of these states sends nothing more."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a planned run may come to."""

    calls: int
    """Of our own suites; replays are chosen by what these find."""
    suites_usd: Decimal
    """At most, for the suites."""
    limit_usd: Decimal
    """At most, for everything: retries, judges and what waits from earlier runs come on top of the suites."""
    replay: bool


def run_status(engine: Engine, run_id: str) -> str | None:
    """The state of a run as it is now; None where there is none."""
    with engine.connect() as connection:
        status: str | None = connection.execute(
            text("SELECT status FROM ai_benchmark_runs WHERE id = :run_id"), {"run_id": run_id}
        ).scalar()
    return status


def ask_for_approval(engine: Engine, run_id: str) -> None:
    """Hold a run until somebody decides; one that was decided stays as it is."""
    _move(engine, run_id, "waiting_for_approval", by=None, now=None)


def decide_run(engine: Engine, run_id: str, *, approved: bool, by: str, now: datetime) -> str:
    """Approve or decline a run that waits; returns its state after that. Safe to repeat."""
    return _move(engine, run_id, "running" if approved else "declined", by=by, now=now)


def cancel_run(engine: Engine, run_id: str, *, by: str, now: datetime) -> str:
    """Stop a run: calls under way end and are kept, no further one is sent. Returns its state after that.

    Safe to repeat. Raises ConfigurationError where there is no such run, or it has ended otherwise.
    """
    status = _move(engine, run_id, "cancelled", by=by, now=now)
    if status != "cancelled":
        raise ConfigurationError(f"run={run_id} is {status}: only one that still runs can be cancelled")
    return status


def note_planned_calls(engine: Engine, run_id: str, label: str, planned: int) -> None:
    """Keep how many calls a phase of a shard has, so that others can see how far the run is."""
    with engine.begin() as connection:
        parameters = {"run_id": run_id, "label": label, "planned": planned}
        run_sql(connection, "queries/benchmark_planned_calls", parameters)


def _move(engine: Engine, run_id: str, status: str, *, by: str | None, now: datetime | None) -> str:
    with engine.begin() as connection:
        parameters = {"run_id": run_id, "status": status, "decided_by": by, "now": now}
        run_sql(connection, "queries/benchmark_move", parameters)
    # Read apart: two people at once, and the second must see what the first has decided.
    state = run_status(engine, run_id)
    if state is None:
        raise ConfigurationError(
            f"run={run_id} is no benchmark run: `modelscout benchmark show last` shows the newest"
        )
    return state
