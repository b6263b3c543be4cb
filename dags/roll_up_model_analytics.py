"""Rolls usage events up into `ai_model_analytics`, reconciles them and checks their quality.

Rebuilds the hours with something new, and the days that they are in, so that it can be run again and again. By hand
with the form, or as a backfill, it rebuilds whole days. A figure that differs from its events is an alert and blocks
publishing for that organization, and so does a failed check of severity `block`; where it fails for the whole table
the run fails, and nothing after it publishes (docs/quality.md).
What passed is watched for models that changed under the same id, before anybody decides on what was measured of them.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import AssetOrTimeSchedule, dag, task

from modelscout.orchestration.assets import AI_MODEL_ANALYTICS, AI_MODELS
from modelscout.orchestration.defaults import DAG_ARGS, TAGS, at
from modelscout.orchestration.params import ROLLUP_PARAMS


@dag(
    dag_id="roll_up_model_analytics",
    description="Usage events to daily analytics, with reconciliation, quality gate and drift watch",
    # Airflow backfills a DAG with a time alone: there is one a day, at which nothing runs.
    schedule=AssetOrTimeSchedule(timetable=at("0 0 * * *"), assets=[AI_MODELS]),
    params=ROLLUP_PARAMS,
    tags=[*TAGS, "nightly", "manual"],
    doc_md=__doc__,
    **DAG_ARGS,
)
def roll_up_model_analytics():
    @task
    def plan(**context: Any) -> list[list[int]]:
        """Deal the organizations out to shards; skips at the daily time, which is for backfills."""
        from airflow.sdk.exceptions import AirflowSkipException

        from modelscout.analytics.rollup_slots import plan_shards
        from modelscout.orchestration.runtime import task_runtime

        if context["dag_run"].run_type == "scheduled":
            raise AirflowSkipException("discovery starts the rollup; the daily time lets Airflow backfill it")
        with task_runtime() as run:
            return plan_shards(run.engine, shards=run.settings.shards)

    @task
    def roll_up(slots: list[int], **context: Any) -> None:
        """Events of one shard in, analytics out."""
        from modelscout.analytics.rollup import roll_up
        from modelscout.orchestration.params import asked_days
        from modelscout.orchestration.runtime import task_runtime

        first, last = asked_days(context)
        with task_runtime() as run:
            print(roll_up(run.engine, now=run.now, first_day=first, last_day=last, slots=slots))

    @task(trigger_rule="all_done_min_one_success")
    def check_quality(**context: Any) -> None:
        """Great Expectations over events and rollup; every result is kept, also when the gate fails."""
        from modelscout.analytics.gate import Days, check_rollup
        from modelscout.core.settings import data_folder
        from modelscout.orchestration.params import asked_days
        from modelscout.orchestration.runtime import task_runtime

        first, last = asked_days(context)
        days = None if first is None or last is None else Days(first, last)
        with task_runtime() as run:
            folder = data_folder() / "quality"
            check_rollup(run.engine, run_key=context["run_id"], now=run.now, days=days, report_folder=folder)

    @task(outlets=[AI_MODEL_ANALYTICS])
    def watch_drift() -> None:
        """Flags models whose success, quality, latency, cost or served model changed."""
        from modelscout.analytics.drift import watch
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            print(watch(run.engine, now=run.now))

    roll_up.expand(slots=plan()) >> check_quality() >> watch_drift()


roll_up_model_analytics()
