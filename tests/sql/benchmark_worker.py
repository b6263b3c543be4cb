"""Runs the suites of a stored benchmark run, as a task does: `benchmark_worker.py DATABASE_URL BASE_URL RUN_ID`."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from decimal import Decimal

from modelscout.benchmarks.plan import load_run
from modelscout.benchmarks.runner import run_shard
from modelscout.core.secrets import ProviderCredential
from modelscout.core.settings import Settings
from modelscout.warehouse.engine import open_engine

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
CONCURRENCY = 8
KEY = "key-of-acme-0123456789"


def main() -> None:
    database_url, base_url, run_id = sys.argv[1:]
    settings = Settings(
        database_url=database_url,
        request_concurrency=CONCURRENCY,
        suite_cases=1000,
        spend_limit_usd=Decimal(100),
    )
    engine = open_engine(database_url)
    key = ProviderCredential("openai", KEY, base_url)
    for shard in load_run(engine, run_id).shards:
        work = run_shard(engine, run_id, shard, lambda _: key, settings, now=NOW, phases=["suites"])
        print(asyncio.run(work), flush=True)


if __name__ == "__main__":
    main()
