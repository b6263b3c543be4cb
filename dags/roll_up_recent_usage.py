"""Rolls up what came in since the last time, every hour, so that people see today's usage today.

The same rollup as the nightly one; it updates no asset, so that it starts nothing.
"""

from __future__ import annotations

from airflow.sdk import CronTriggerTimetable, dag, task

from modelscout.orchestration.defaults import DAG_ARGS, TAGS


@dag(
    dag_id="roll_up_recent_usage",
    description="Hourly rollup of new usage events",
    schedule=CronTriggerTimetable("15 * * * *", timezone="UTC"),
    tags=[*TAGS, "hourly"],
    doc_md=__doc__,
    **DAG_ARGS,
)
def roll_up_recent_usage():
    @task
    def roll_up() -> None:
        """Events in, analytics out."""
        from modelscout.analytics.rollup import roll_up
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            print(roll_up(run.engine, now=run.now))

    roll_up()


roll_up_recent_usage()
