"""Runs the replays of a stored benchmark run in a process of its own, as a task does."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from judge_support import NOW, SETTINGS, Vendors

from modelscout.benchmarks.runner import run_shard
from modelscout.benchmarks.stored_runs import load_run
from modelscout.warehouse.engine import open_engine

CONCURRENCY = 8


def work(database_url: str, vendors_url: str, run_id: str) -> None:
    settings = replace(SETTINGS, request_concurrency=CONCURRENCY)
    engine = open_engine(database_url)
    vendors = Vendors(None, vendors_url)
    for shard in load_run(engine, run_id).shards:
        run = run_shard(engine, run_id, shard, vendors.credentials, settings, now=NOW, phases=["replay"])
        print(asyncio.run(run), flush=True)
