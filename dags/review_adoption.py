"""Looks at what came of earlier recommendations: promised against realised saving and quality.

A feature that uses the recommended model since then is adopted. Applies recommendations where the organization
allows it, and takes an applied one back where its quality is proven to have fallen by more than the margin.
docs/after_the_decision.md says how it is measured.
"""

from __future__ import annotations

from airflow.sdk import dag, task

from modelscout.orchestration.assets import AI_MODEL_RECOMMENDATIONS
from modelscout.orchestration.defaults import DAG_ARGS, TAGS


@dag(
    dag_id="review_adoption",
    description="Promised against realised saving; automatic application and roll-back where allowed",
    schedule=[AI_MODEL_RECOMMENDATIONS],
    tags=[*TAGS, "nightly"],
    doc_md=__doc__,
    **DAG_ARGS,
)
def review_adoption():
    @task
    def review() -> None:
        """Compare, apply, take back."""
        from modelscout.orchestration.runtime import task_runtime
        from modelscout.recommender.review import review

        with task_runtime() as run:
            print(review(run.engine, now=run.now))

    review()


review_adoption()
