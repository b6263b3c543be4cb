"""What Airflow's metadata and broker say of its components. Each answer is a list of problems, empty where all is well.

Beside `authentication` and `administrator` the only file that reads Airflow's internals; look here after an upgrade.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

WORKERS_WAIT_S = 5.0
TAG = "modelscout"


def components() -> Iterator[tuple[str, str | None]]:
    """Name and problem (None: it is alive) of each component that reports a heartbeat, the workers last."""
    from airflow.jobs.job import JobState

    for name, job in _latest_jobs():
        if job is None:
            yield name, "never started: start it"
        elif job.state != JobState.RUNNING or not job.is_alive():
            yield (
                name,
                f"no heartbeat since {job.latest_heartbeat:%Y-%m-%d %H:%M:%S} UTC: start it, see its log",
            )
        else:
            yield name, None
    if (problem := _workers_problem()) is not None:
        yield "workers", problem or None


def _latest_jobs() -> list[tuple[str, Any]]:
    from airflow.jobs.dag_processor_job_runner import DagProcessorJobRunner
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.jobs.triggerer_job_runner import TriggererJobRunner

    runners: tuple[tuple[str, Any], ...] = (
        ("scheduler", SchedulerJobRunner),
        ("dag-processor", DagProcessorJobRunner),
        ("triggerer", TriggererJobRunner),
    )
    return [(name, runner.most_recent_job()) for name, runner in runners]


def _workers_problem() -> str | None:
    """Empty where workers answer, None where this Airflow has none."""
    from airflow.configuration import conf

    if "Celery" not in conf.get_mandatory_value("core", "executor"):
        return None
    from airflow.providers.celery.executors.celery_executor import app
    from kombu.exceptions import OperationalError
    from redis.exceptions import RedisError

    try:
        answers = app.control.ping(timeout=WORKERS_WAIT_S)
    except (OperationalError, RedisError, OSError) as error:
        return f"the broker does not answer ({type(error).__name__}): see that it runs"
    return "" if answers else "none answers: start one, see its log"


def import_errors() -> list[str]:
    """Files of DAGs that do not load."""
    from airflow.models.errors import ParseImportError
    from sqlalchemy import select

    return _names(select(ParseImportError.filename))


def not_running() -> list[str]:
    """Our DAGs that are paused; all of them where Airflow has read none."""
    from airflow.models.dag import DagModel, DagTag
    from sqlalchemy import select

    ours = select(DagModel.dag_id).where(DagModel.dag_id.in_(select(DagTag.dag_id).where(DagTag.name == TAG)))
    if not _names(ours):
        return ["Airflow has read none of ours"]
    return _names(ours.where(DagModel.is_paused))


def missing_pools() -> list[str]:
    """Pools that our tasks wait in and that do not exist."""
    from airflow.models import Pool
    from sqlalchemy import select

    from modelscout.orchestration.assets import POOLS

    return sorted(set(POOLS) - set(_names(select(Pool.pool))))


def without_key(references: Sequence[str]) -> list[str]:
    """Connections that organizations' keys refer to and that have no key, wherever Airflow looks for them."""
    from modelscout.orchestration.credentials import KeyReference, resolve_outside_tasks

    found = resolve_outside_tasks(KeyReference(name, "any") for name in references)
    return [name for name in sorted(set(references)) if found(name) is None]


def _names(statement: Any) -> list[str]:
    from airflow.utils.session import create_session

    with create_session() as session:
        return sorted(str(name) for name in session.scalars(statement))
