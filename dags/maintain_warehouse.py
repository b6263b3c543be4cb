"""Keeps the warehouse fit: partitions ahead of time, expired samples, events and quality results deleted.

Events are deleted only where MODELSCOUT_USAGE_RETENTION_DAYS says after how many days, and only after their day's
rollup was found equal to them. Runs nightly before the chain. Safe to run at any time.
"""

from __future__ import annotations

from airflow.sdk import dag, task

from modelscout.orchestration.defaults import DAG_ARGS, TAGS, at


@dag(
    dag_id="maintain_warehouse",
    description="Partitions ahead, retention, expired samples",
    schedule=at("30 1 * * *"),
    tags=[*TAGS, "nightly"],
    doc_md=__doc__,
    **DAG_ARGS,
)
def maintain_warehouse():
    @task
    def maintain() -> None:
        """Make partitions for the days to come and delete what has expired."""
        from modelscout.orchestration.runtime import task_runtime
        from modelscout.warehouse.maintenance import maintain

        with task_runtime() as run:
            print(maintain(run.engine, now=run.now))

    @task
    def close_days() -> None:
        """Delete the events of days that the policy does not keep; what could not be deleted is said, with why."""
        from modelscout.analytics.retention import close_expired_days, set_aside_late_outcomes
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            print(close_expired_days(run.engine, now=run.now, keep_days=run.settings.usage_retention_days))
            print(f"{set_aside_late_outcomes(run.engine, now=run.now)} outcomes without a call in quarantine")

    @task
    def forget_quality_results() -> None:
        """Delete results and report pages of the quality suites that are older than the policy keeps them."""
        from modelscout.analytics.gate import forget_results
        from modelscout.core.settings import data_folder
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            keep_days, folder = run.settings.quality_retention_days, data_folder() / "quality"
            print(forget_results(run.engine, now=run.now, keep_days=keep_days, report_folder=folder))

    maintain() >> [close_days(), forget_quality_results()]


maintain_warehouse()
