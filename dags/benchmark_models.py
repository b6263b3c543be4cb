"""Measures quality, speed and cost: our own suites, and replay of each organization's own work.

Runs nightly after the capability probes, only what is due, within the spend limit; by hand with the form. A run whose
limit is above MODELSCOUT_APPROVAL_ABOVE_USD waits for a person under Required Actions. Every call's worst-case
cost is reserved before it is sent. Updates `ai_model_benchmarks`, but for a run that only asks a prompt test.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from airflow.sdk import dag, task

from modelscout.orchestration.approval import approval_task
from modelscout.orchestration.assets import AI_MODEL_BENCHMARKS, AI_MODEL_CAPABILITIES, SEVERAL_PROVIDERS_POOL
from modelscout.orchestration.defaults import DAG_ARGS, TAGS
from modelscout.orchestration.params import BENCHMARK_PARAMS


@dag(
    dag_id="benchmark_models",
    description="Suites and workload replay: quality, speed and cost within a spend limit",
    schedule=[AI_MODEL_CAPABILITIES],
    params=BENCHMARK_PARAMS,
    tags=[*TAGS, "nightly", "manual"],
    doc_md=__doc__,
    **DAG_ARGS,
)
def benchmark_models():
    @task
    def plan(**context: Any) -> list[dict[str, Any]]:
        """Create the run, once also when this task is tried again; one piece of work per shard."""
        from modelscout.benchmarks.plan import create_run
        from modelscout.benchmarks.prompt_tests import create_prompt_test_run
        from modelscout.orchestration.runtime import task_runtime

        params = dict(context["params"])
        limit, test = params.pop("spend_limit_usd"), params.pop("prompt_test")
        key, kind = context["run_id"], "manual" if context["dag_run"].run_type == "manual" else "nightly"
        with task_runtime() as run:
            if test:
                created = create_prompt_test_run(run.engine, test, run_key=key, now=run.now)
            else:
                params |= {"kind": kind, "spend_limit_usd": None if limit is None else Decimal(str(limit))}
                created = create_run(run.engine, run.settings, now=run.now, run_key=key, **params)
        shards = created.shards or ((),)
        return [{"benchmark_run": str(created.run_id), "organizations": list(s)} for s in shards]

    @task.branch
    def estimate(work: list[dict[str, Any]], **context: Any) -> str:
        """On to a person where the run's limit is above the threshold, else straight to the work."""
        from modelscout.benchmarks.approval import question
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            shards = [w["organizations"] for w in work]
            asked = question(run.engine, work[0]["benchmark_run"], shards, run.settings, now=run.now)
        context["ti"].xcom_push("question", asked)
        return "approve" if asked else "begin"

    @task(trigger_rule="none_failed_min_one_success")
    def begin(work: list[dict[str, Any]], **context: Any) -> list[dict[str, Any]]:
        """Keep the decision with the run; a declined one sends nothing."""
        from modelscout.benchmarks.control import decide_run
        from modelscout.orchestration.approval import approval_of
        from modelscout.orchestration.runtime import task_runtime

        approved, by = approval_of(context["ti"].xcom_pull(task_ids="approve"))
        with task_runtime() as run:
            state = decide_run(run.engine, work[0]["benchmark_run"], approved=approved, by=by, now=run.now)
            print(f"{state}: {by}")
        return work

    @task(pool=SEVERAL_PROVIDERS_POOL)
    def run_cases(work: dict[str, Any], phase: str) -> dict[str, int]:
        """Run what is due for these organizations; finished cases are never paid again."""
        import asyncio

        from modelscout.benchmarks.runner import run_shard
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            shard = work["organizations"]
            keys = run.credentials(shard)
            calls = run_shard(
                run.engine, work["benchmark_run"], shard, keys, run.settings, now=run.now, phases=[phase]
            )
            return asyncio.run(calls)

    @task(outlets=[AI_MODEL_BENCHMARKS], trigger_rule="all_done_min_one_success")
    def finish(work: list[dict[str, Any]], **context: Any) -> None:
        """Summarise per model and update the asset; a prompt test measured nothing that others build on."""
        from airflow.sdk.exceptions import AirflowSkipException

        from modelscout.benchmarks.runner import finish_run
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            count = finish_run(run.engine, work[0]["benchmark_run"], now=run.now)
            print(f"platform results of {count} models published")
        if context["params"]["prompt_test"]:
            raise AirflowSkipException("a prompt test updates no asset")

    planned = plan()
    work = begin(planned)
    choice = estimate(planned)
    choice >> approval_task(task_id="approve", asked_by="estimate") >> work
    choice >> work

    # Which candidates are worth replaying follows from all suites, so that these come first everywhere; speed comes
    # last and apart.
    suites = run_cases.override(task_id="run_suites").partial(phase="suites").expand(work=work)
    replay = run_cases.override(task_id="replay_workloads", trigger_rule="all_done").partial(phase="replay")
    speed = run_cases.override(task_id="measure_speed", trigger_rule="all_done").partial(phase="speed")
    suites >> replay.expand(work=work) >> speed.expand(work=work) >> finish(work)


benchmark_models()
