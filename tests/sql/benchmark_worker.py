"""Runs the suites of a stored benchmark run in a process of its own, as a task does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from modelscout.benchmarks.runner import run_shard
from modelscout.benchmarks.stored_runs import load_run
from modelscout.core.secrets import ProviderCredential
from modelscout.core.settings import Settings
from modelscout.warehouse.engine import open_engine

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
CONCURRENCY = 8
KEY = "key-of-acme-0123456789"


def work(database_url: str, base_url: str, run_id: str) -> None:
    settings = Settings(
        database_url=database_url,
        request_concurrency=CONCURRENCY,
        suite_cases=1000,
        spend_limit_usd=Decimal(100),
    )
    engine = open_engine(database_url)
    key = ProviderCredential("openai", KEY, base_url)
    for shard in load_run(engine, run_id).shards:
        run = run_shard(engine, run_id, shard, lambda _: key, settings, now=NOW, phases=["suites"])
        print(asyncio.run(run), flush=True)
