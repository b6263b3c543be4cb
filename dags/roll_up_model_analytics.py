"""Rolls usage events up into `ai_model_analytics`, reconciles them and checks their quality.

Rebuilds whole days with something new, so that it can be run again and again; a backfill rebuilds its own day.
A failed check of severity `block` fails the run, and nothing after it publishes on such figures. What passed is
watched for models that changed under the same id, before anybody decides on what was measured of them.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from modelscout.orchestration.assets import AI_MODEL_ANALYTICS, AI_MODELS
from modelscout.orchestration.defaults import DAG_ARGS, TAGS


@dag(
    dag_id="roll_up_model_analytics",
    description="Usage events to daily analytics, with reconciliation, quality gate and drift watch",
    schedule=[AI_MODELS],
    tags=[*TAGS, "nightly"],
    doc_md=__doc__,
    **DAG_ARGS,
)
def roll_up_model_analytics():
    @task
    def roll_up(**context: Any) -> None:
        """Events in, analytics out."""
        from modelscout.analytics.rollup import roll_up
        from modelscout.orchestration.runtime import task_runtime

        backfilled = context["logical_date"] if context["dag_run"].run_type == "backfill" else None
        day = backfilled.date() if backfilled else None
        with task_runtime() as run:
            print(roll_up(run.engine, now=run.now, first_day=day, last_day=day))

    @task
    def check_quality(**context: Any) -> None:
        """Great Expectations over the rollup; every result is kept, also when the gate fails."""
        from modelscout.analytics.gate import check_rollup
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            check_rollup(run.engine, run_key=context["run_id"], now=run.now)

    @task(outlets=[AI_MODEL_ANALYTICS])
    def watch_drift() -> None:
        """Flags models whose success, quality, latency, cost or served model changed."""
        from modelscout.analytics.drift import watch
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            print(watch(run.engine, now=run.now))

    roll_up() >> check_quality() >> watch_drift()


roll_up_model_analytics()
