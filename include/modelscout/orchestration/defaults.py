"""What every DAG of the project shares."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

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
