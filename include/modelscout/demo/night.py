"""The nightly flow in one process, without Airflow: the same functions in the same order as the DAGs."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import Engine

from modelscout.analytics.rollup import roll_up
from modelscout.benchmarks.capabilities import plan_probes, probe_shard
from modelscout.benchmarks.plan import create_run
from modelscout.benchmarks.runner import finish_run, run_shard
from modelscout.core.errors import ModelscoutError
from modelscout.core.secrets import CredentialSource, ProviderCredential
from modelscout.core.settings import Settings
from modelscout.demo.instance import free_port
from modelscout.demo.launcher import BASE_PATHS
from modelscout.demo.profile import LATENCY_SCALE, Swap, write_emulator_files
from modelscout.demo.samples import DemoSample
from modelscout.demo.scenario import ASSIGNMENTS, demo_keys
from modelscout.demo.seed import seed
from modelscout.discovery.catalog_sync import sync_catalog
from modelscout.discovery.shard import discover_shard, plan_shards
from modelscout.features.service import FeatureService
from modelscout.features.settings import FeatureChange
from modelscout.recommender.publish import publish
from modelscout.recommender.read import list_recommendations
from modelscout.recommender.review import review
from modelscout.recommender.training import train
from modelscout.warehouse.engine import open_engine

log = logging.getLogger(__name__)
FIRST_PORT = 18090
START_TIMEOUT_S = 15.0


@contextmanager
def emulator(
    folder: Path,
    now: datetime,
    swap: Swap | None = None,
    *,
    latency_scale: float = LATENCY_SCALE,
    more: Sequence[DemoSample] = (),
) -> Iterator[str]:
    """The emulator with the demo's profile in a process of its own; yields its address.

    `more` items are known to it besides the seeded ones. Raises ModelscoutError where it does not answer.
    """
    port = free_port(FIRST_PORT)
    keys = demo_keys(folder)
    files = folder / f"emulator-{port}"
    profile, answers = write_emulator_files(
        files, now, keys, swap=swap, latency_scale=latency_scale, more=more
    )
    command = [sys.executable, "-m", "modelscout.emulator", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen([*command, "--profile", str(profile), "--answers", str(answers)])
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        yield url
    finally:
        # Not `terminate`: it would wait for answers that a fault holds back, and there is nothing to save.
        process.kill()
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
    auto_apply: bool = False,
) -> list[dict[str, Any]]:
    """Seed the demo and run one whole night; returns the recommendations.

    With `auto_apply` every feature allows what is proven to be applied, as a person would set it on the page.
    """
    settings = Settings(database_url=url)
    engine = open_engine(url)
    credentials = demo_credentials(folder, emulator_url)
    try:
        seed(url, now=now, data_folder=folder, swap=swap)
        if auto_apply:
            _allow_application(engine, now)
        sync_catalog(engine, now=now)
        for shard in plan_shards(engine, shards=2):
            asyncio.run(discover_shard(engine, shard, credentials, concurrency=16, now=now))
        _benchmark(engine, credentials, settings, now, run_key)
        roll_up(engine, now=now)
        train(engine, run_key=run_key, now=now)
        publish(engine, now=now, horizon_days=settings.retirement_horizon_days)
        review(engine, now=now)
        return list_recommendations(engine)
    finally:
        engine.dispose()


def _benchmark(
    engine: Engine, credentials: CredentialSource, settings: Settings, now: datetime, run_key: str
) -> None:
    for targets in plan_probes(engine, now=now, shards=1):
        asyncio.run(probe_shard(engine, targets, credentials, settings, run_key=run_key, now=now))
    plan = create_run(engine, settings, run_key=run_key, now=now)
    for phase in ("suites", "replay"):
        for shard in plan.shards:
            work = run_shard(engine, str(plan.run_id), shard, credentials, settings, now=now, phases=[phase])
            log.info("%s %s", phase, asyncio.run(work))
    finish_run(engine, str(plan.run_id), now=now)


def _allow_application(engine: Engine, now: datetime) -> None:
    service = FeatureService(engine)
    for assignment in ASSIGNMENTS:
        change = FeatureChange(auto_apply=True)
        service.update(assignment.organization, assignment.feature, change, actor="demo", now=now)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{url}/health", trust_env=False).status_code == httpx2.codes.OK:
                return
        except httpx2.HTTPError:
            pass
        if process.poll() is not None:
            raise ModelscoutError("the emulator stopped while starting")
        time.sleep(0.1)
    raise ModelscoutError(f"the emulator does not answer after {START_TIMEOUT_S:.0f} s")
