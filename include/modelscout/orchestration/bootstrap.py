"""Prepares an Airflow for the project: metadata schema, pools, connections, nothing left over from a kill.

Run as `python -m modelscout.orchestration.bootstrap < connections.json` with one object of connection id to
{"password": key, "host": base URL}. The keys come on standard input, so that no process list shows them.
With `--settle-leftovers`, for an Airflow that is not running: what a kill left unfinished ends as failed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from modelscout.core.errors import ConfigurationError
from modelscout.orchestration.assets import POOLS


def bootstrap(connections: Mapping[str, Mapping[str, Any]], *, settle_leftovers: bool = False) -> None:
    """Migrate the metadata, make pools and connections, settle leftovers if asked. Idempotent."""
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    initdb()
    with create_session() as session:
        _make_pools(session)
        _make_connections(session, connections)
        if settle_leftovers:
            _settle_leftovers(session)


def _make_pools(session: Any) -> None:
    from airflow.models import Pool

    for name, slots in POOLS.items():
        Pool.create_or_update_pool(
            name=name, slots=slots, description="Modelscout", include_deferred=False, session=session
        )


def _make_connections(session: Any, connections: Mapping[str, Mapping[str, Any]]) -> None:
    from airflow.models import Connection
    from sqlalchemy import select

    for conn_id, values in connections.items():
        row = session.scalar(select(Connection).where(Connection.conn_id == conn_id))
        if row is None:
            row = Connection(conn_id=conn_id, conn_type="generic")
            session.add(row)
        row.host = values.get("host") or None
        row.set_password(values.get("password") or None)


def _settle_leftovers(session: Any) -> None:
    """Runs that a kill left unfinished, or ticks missed meanwhile, would start the chain a second time."""
    from airflow.models.asset import AssetDagRunQueue
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.state import DagRunState, TaskInstanceState
    from airflow.utils.types import DagRunType
    from sqlalchemy import delete, update

    open_runs = (DagRunState.RUNNING, DagRunState.QUEUED)
    open_tasks = (
        TaskInstanceState.RUNNING,
        TaskInstanceState.QUEUED,
        TaskInstanceState.SCHEDULED,
        TaskInstanceState.UP_FOR_RETRY,
        TaskInstanceState.RESTARTING,
    )
    session.execute(update(TaskInstance).where(TaskInstance.state.in_(open_tasks)).values(state="failed"))
    session.execute(update(DagRun).where(DagRun.state.in_(open_runs)).values(state="failed"))
    session.execute(delete(AssetDagRunQueue))
    # Airflow makes up for the last tick since the last scheduled run; without one it waits for the next tick.
    scheduled = update(DagRun).where(DagRun.run_type == DagRunType.SCHEDULED)
    session.execute(scheduled.values(run_type=DagRunType.MANUAL))
    session.execute(update(DagModel).values(is_paused=True))


def main() -> None:
    """Read connections from standard input and prepare this Airflow."""
    text = sys.stdin.read().strip() or "{}"
    try:
        connections = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"standard input is not JSON: {error}") from None
    bootstrap(connections, settle_leftovers="--settle-leftovers" in sys.argv[1:])


if __name__ == "__main__":
    main()
