"""What every DAG of the project shares."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable

TAGS = ["modelscout"]
DEFAULT_ARGS: dict[str, Any] = {
    "owner": "modelscout",
    "retries": 2,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=5),
}
# No start date: with one, Airflow runs the last missed tick the moment a DAG is unpaused, catchup or not.
DAG_ARGS: dict[str, Any] = {
    "catchup": False,
    "max_active_runs": 1,
    "default_args": DEFAULT_ARGS,
}


def at(cron: str) -> CronTriggerTimetable:
    """A schedule in UTC whose first run is the next one, never the one that was missed.

    Without this Airflow makes up for the last tick where a DAG is unpaused within a tenth of the period after it,
    although `run_immediately=False` is documented to wait: who starts the nightly flow by hand at three in the
    morning would get it twice.
    """
    return CronTriggerTimetable(cron, timezone="UTC", run_immediately=timedelta(seconds=0.5))
