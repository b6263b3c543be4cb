"""Decides every feature of every organization and writes `ai_model_recommendations`.

Evidence first, then the verdict, with reasons, trade-offs, saving and alerts. One row per organization,
feature and day, however often it runs. Checked before they are shown: docs/quality.md.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from modelscout.orchestration.assets import AI_MODEL_RECOMMENDATIONS, RECOMMENDER
from modelscout.orchestration.defaults import DAG_ARGS, TAGS


@dag(
    dag_id="publish_recommendations",
    description="Evidence, verdicts, retirement advice and alerts",
    schedule=[RECOMMENDER],
    tags=[*TAGS, "nightly"],
    doc_md=__doc__,
    **DAG_ARGS,
)
def publish_recommendations():
    @task(outlets=[AI_MODEL_RECOMMENDATIONS])
    def publish(**context: Any) -> dict[str, int]:
        """Decide, check and write; tell people what they must know."""
        from modelscout.core.settings import data_folder
        from modelscout.orchestration.notifications import notify_open_alerts
        from modelscout.orchestration.runtime import task_runtime
        from modelscout.recommender.publish import publish

        with task_runtime() as run:
            horizon = run.settings.retirement_horizon_days
            verdicts = publish(
                run.engine,
                now=run.now,
                horizon_days=horizon,
                run_key=context["run_id"],
                report_folder=data_folder() / "quality",
            )
            notify_open_alerts(run.engine)
            return verdicts

    publish()


publish_recommendations()
