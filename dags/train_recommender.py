"""Trains the recommender on earlier days and publishes it only if it is better on later ones.

Starts when both the night's analytics and its benchmarks are there; at seven at the latest. Updates
`recommender` once a night, also when the new version was rejected.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import AssetOrTimeSchedule, dag, task

from modelscout.orchestration.assets import AI_MODEL_ANALYTICS, AI_MODEL_BENCHMARKS, RECOMMENDER
from modelscout.orchestration.defaults import DAG_ARGS, TAGS, at


@dag(
    dag_id="train_recommender",
    description="Fit, evaluate on later days, publish only if better",
    schedule=AssetOrTimeSchedule(
        timetable=at("0 7 * * *"),
        assets=AI_MODEL_ANALYTICS & AI_MODEL_BENCHMARKS,
    ),
    tags=[*TAGS, "nightly"],
    doc_md=__doc__,
    **DAG_ARGS,
)
def train_recommender():
    @task(outlets=[RECOMMENDER])
    def train(**context: Any) -> None:
        """Fit, judge, publish or not. The daily time is a fallback: it skips where the assets came before it."""
        from airflow.sdk.exceptions import AirflowSkipException

        from modelscout.orchestration.runtime import task_runtime
        from modelscout.recommender.training import train, was_trained_on

        with task_runtime() as run:
            if context["dag_run"].run_type == "scheduled" and was_trained_on(run.engine, run.now.date()):
                raise AirflowSkipException("the assets of this night have started a training already")
            print(train(run.engine, run_key=context["run_id"], now=run.now))

    train()


train_recommender()
