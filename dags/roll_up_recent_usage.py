"""Rolls up what came in since the last time, every hour, so that people see today's usage today.

The same rollup as the nightly one; it updates no asset, so that it starts nothing.
"""

from __future__ import annotations

from airflow.sdk import dag, task

from modelscout.orchestration.defaults import DAG_ARGS, TAGS, at


@dag(
    dag_id="roll_up_recent_usage",
    description="Hourly rollup of new usage events",
    schedule=at("15 * * * *"),
    tags=[*TAGS, "hourly"],
    doc_md=__doc__,
    **DAG_ARGS,
)
def roll_up_recent_usage():
    @task
    def plan() -> list[list[int]]:
        """Deal the organizations out to shards."""
        from modelscout.analytics.rollup_slots import plan_shards
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            return plan_shards(run.engine, shards=run.settings.shards)

    @task
    def roll_up(slots: list[int]) -> None:
        """Events of one shard in, analytics out."""
        from modelscout.analytics.rollup import roll_up
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            print(roll_up(run.engine, now=run.now, slots=slots))

    roll_up.expand(slots=plan())


roll_up_recent_usage()
