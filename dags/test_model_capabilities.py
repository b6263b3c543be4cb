"""Compares what models are documented to do with what they really do.

A few cheap calls per model version, once and not once per organization, for what is new, changed or stale; every other
key gets one call, which shows whether it may call at all. What probing shows overrides the catalog in every later
decision. Updates `ai_model_capabilities`.
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
    def plan() -> list[dict[str, Any]]:
        """Which models are due and whose key is used, and which other keys are asked once."""
        from modelscout.benchmarks.capabilities import plan_night
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            return plan_night(run.engine, now=run.now, shards=run.settings.shards)

    @task(pool=SEVERAL_PROVIDERS_POOL)
    def probe(work: dict[str, Any], **context: Any) -> dict[str, int]:
        """Probe these models, each with the key beside it, then ask the other keys of the shard."""
        import asyncio

        from modelscout.benchmarks.access import check_access
        from modelscout.benchmarks.capabilities import probe_shard
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            organizations = {organization for _, organization in work["probes"]} | set(work["access"])
            keys = run.credentials(sorted(organizations))
            paid = {"run_key": context["run_id"], "now": run.now}
            probes = probe_shard(run.engine, work["probes"], keys, run.settings, **paid)
            found = asyncio.run(probes)
            access = check_access(
                run.engine, work["access"], keys, run.settings, paying=work["paying"], **paid
            )
            return found | asyncio.run(access)

    @task(outlets=[AI_MODEL_CAPABILITIES], trigger_rule="all_done_min_one_success")
    def report(counts: Any) -> None:
        """Say how many were verified or contradicted, and update the asset."""
        print(list(counts))

    planned = plan()
    # The plan counts as one that succeeded: the chain goes on also where the only shard has failed.
    planned >> report(probe.expand(work=planned))


test_model_capabilities()
