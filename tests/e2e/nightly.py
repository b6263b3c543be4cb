"""The nightly flow in one process, without Airflow: the same functions in the same order as the DAGs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2

from modelscout.analytics.rollup import roll_up
from modelscout.benchmarks.capabilities import plan_probes, probe_shard
from modelscout.benchmarks.plan import create_run
from modelscout.benchmarks.runner import finish_run, run_shard
from modelscout.core.secrets import CredentialSource, ProviderCredential
from modelscout.core.settings import Settings
from modelscout.demo.instance import free_port
from modelscout.demo.launcher import BASE_PATHS
from modelscout.demo.profile import Swap, write_emulator_files
from modelscout.demo.scenario import demo_keys
from modelscout.demo.seed import seed
from modelscout.discovery.catalog_sync import sync_catalog
from modelscout.discovery.shard import discover_shard, plan_shards
from modelscout.recommender.publish import publish
from modelscout.recommender.read import list_recommendations
from modelscout.recommender.review import review
from modelscout.recommender.training import train
from modelscout.warehouse.engine import open_engine


@contextmanager
def emulator(folder: Path, now: datetime, swap: Swap | None = None) -> Iterator[str]:
    """The emulator with the demo's profile; yields its address."""
    port = free_port(18090)
    profile, answers = write_emulator_files(folder, now, demo_keys(folder), swap=swap)
    command = [sys.executable, "-m", "modelscout.emulator", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen([*command, "--profile", str(profile), "--answers", str(answers)])
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def demo_credentials(folder: Path, url: str) -> CredentialSource:
    """The demo's keys, all answered by the emulator at `url`."""
    found = {}
    for reference, key in demo_keys(folder).items():
        provider = reference.rpartition("__")[2]
        found[reference] = ProviderCredential(provider, key, url + BASE_PATHS[provider])
    return found.get


def run_night(
    url: str,
    emulator_url: str,
    folder: Path,
    now: datetime,
    *,
    swap: Swap | None = None,
    run_key: str = "night",
) -> list[dict[str, Any]]:
    """Seed the demo and run one whole night; returns the recommendations."""
    settings = Settings(database_url=url)
    engine = open_engine(url)
    credentials = demo_credentials(folder, emulator_url)
    try:
        seed(url, now=now, data_folder=folder, swap=swap)
        sync_catalog(engine, now=now)
        for shard in plan_shards(engine, shards=2):
            asyncio.run(discover_shard(engine, shard, credentials, concurrency=16, now=now))
        for targets in plan_probes(engine, now=now, shards=1):
            asyncio.run(probe_shard(engine, targets, credentials, settings, run_key=run_key, now=now))
        plan = create_run(engine, settings, run_key=run_key, now=now)
        for phase in ("suites", "replay"):
            for shard in plan.shards:
                work = run_shard(
                    engine, str(plan.run_id), shard, credentials, settings, now=now, phases=[phase]
                )
                print(phase, asyncio.run(work))
        finish_run(engine, str(plan.run_id), now=now)
        roll_up(engine, now=now)
        train(engine, run_key=run_key, now=now)
        publish(engine, now=now, horizon_days=settings.retirement_horizon_days)
        review(engine, now=now)
        return list_recommendations(engine)
    finally:
        engine.dispose()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        try:
            if httpx2.get(f"{url}/health", trust_env=False).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        assert process.poll() is None, "the emulator stopped"
        time.sleep(0.1)
    raise AssertionError("the emulator does not answer")
