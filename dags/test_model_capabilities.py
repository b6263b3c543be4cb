"""Compares what models are documented to do with what they really do.

A few cheap calls per model, once per model and not once per organization, for what is new, changed or stale.
What probing shows overrides the catalog in every later decision. Updates `ai_model_capabilities`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from modelscout.orchestration.assets import AI_MODEL_CAPABILITIES, AI_MODELS, SEVERAL_PROVIDERS_POOL
from modelscout.orchestration.defaults import DAG_ARGS, TAGS


@dag(
    dag_id="test_model_capabilities",
    description="Documented against actual capabilities, for what is new or changed",
    schedule=[AI_MODELS],
    tags=[*TAGS, "nightly"],
    doc_md=__doc__,
    **DAG_ARGS,
)
def test_model_capabilities():
    @task
    def plan() -> list[list[list[str]]]:
        """Which models are due, and whose key is used."""
        from modelscout.benchmarks.capabilities import plan_probes
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            return plan_probes(run.engine, now=run.now, shards=run.settings.shards) or [[]]

    @task(pool=SEVERAL_PROVIDERS_POOL)
    def probe(targets: list[list[str]], **context: Any) -> dict[str, int]:
        """Probe these models, each with the key of the organization beside it."""
        import asyncio

        from modelscout.benchmarks.capabilities import probe_shard
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            work = probe_shard(
                run.engine,
                targets,
                run.credentials([organization for _, organization in targets]),
                run.settings,
                run_key=context["run_id"],
                now=run.now,
            )
            return asyncio.run(work)

    @task(outlets=[AI_MODEL_CAPABILITIES], trigger_rule="all_done_min_one_success")
    def report(counts: Any) -> None:
        """Say how many were verified or contradicted, and update the asset."""
        print(list(counts))

    report(probe.expand(targets=plan()))


test_model_capabilities()
