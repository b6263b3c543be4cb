"""Runs the replays of a stored benchmark run, as a task does: `judge_worker.py DATABASE_URL VENDORS_URL RUN_ID`."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

from judge_support import NOW, SETTINGS, Vendors

from modelscout.benchmarks.plan import load_run
from modelscout.benchmarks.runner import run_shard
from modelscout.warehouse.engine import open_engine

CONCURRENCY = 8


def main() -> None:
    database_url, url, run_id = sys.argv[1:]
    settings = replace(SETTINGS, request_concurrency=CONCURRENCY)
    engine = open_engine(database_url)
    vendors = Vendors(None, url)
    for shard in load_run(engine, run_id).shards:
        work = run_shard(engine, run_id, shard, vendors.credentials, settings, now=NOW, phases=["replay"])
        print(asyncio.run(work), flush=True)


if __name__ == "__main__":
    main()
