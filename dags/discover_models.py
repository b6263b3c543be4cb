"""Asks every organization's keys which models they can use tonight.

Refreshes the catalog and the dated prices, then lists the models of every key, provider by provider, so that
one slow vendor holds up nobody else. A key that is refused is a row in `organization_provider_keys`, not a
failed run. Updates the asset `ai_models`, which starts the rest of the night.
"""

from __future__ import annotations

from airflow.sdk import dag, task

from modelscout.orchestration.assets import AI_MODELS, PROVIDERS
from modelscout.orchestration.defaults import DAG_ARGS, TAGS, at


@dag(
    dag_id="discover_models",
    description="What each organization's keys can use: availability, lifecycle, limits, prices",
    schedule=at("0 2 * * *"),
    tags=[*TAGS, "nightly"],
    doc_md=__doc__,
    **DAG_ARGS,
)
def discover_models():
    @task
    def prepare() -> list[list[str]]:
        """Refresh catalog and prices; deal the organizations out to shards."""
        from modelscout.discovery.catalog_sync import sync_catalog
        from modelscout.discovery.shard import plan_shards
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            print(sync_catalog(run.engine, now=run.now))
            return plan_shards(run.engine, shards=run.settings.shards) or [[]]

    @task
    def discover(organization_ids: list[str], provider: str) -> dict[str, int]:
        """List the models of these organizations' keys of one provider."""
        import asyncio

        from modelscout.discovery.shard import discover_shard
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            work = discover_shard(
                run.engine,
                organization_ids,
                run.credentials(organization_ids, provider),
                provider=provider,
                concurrency=run.settings.request_concurrency,
                now=run.now,
            )
            return asyncio.run(work)

    @task(outlets=[AI_MODELS], trigger_rule="all_done_min_one_success")
    def report() -> None:
        """Say how the keys are and update the asset."""
        from modelscout.discovery.shard import close_alerts_of_unused_keys, key_health
        from modelscout.orchestration.runtime import task_runtime

        with task_runtime() as run:
            close_alerts_of_unused_keys(run.engine, now=run.now)
            print(key_health(run.engine))

    shards = prepare()
    done = report()
    for name in PROVIDERS:
        part = discover.override(task_id=f"discover_{name}", pool=f"llm_{name}")
        part.partial(provider=name).expand(organization_ids=shards) >> done


discover_models()
