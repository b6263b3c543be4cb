"""Runs the suites of a stored run and kills itself.

The moment is one of `never`, `before_submit`, `after_submit`, `after_results` and `after_commit`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from modelscout.benchmarks.runner import run_shard
from modelscout.benchmarks.stored_runs import load_run
from modelscout.core.secrets import ProviderCredential
from modelscout.core.settings import Settings
from modelscout.providers.registry import open_adapter
from modelscout.warehouse.engine import open_engine

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
KEY = "key-of-acme-0123456789"
SETTINGS = Settings(
    database_url="",
    request_concurrency=4,
    suite_cases=1000,
    spend_limit_usd=Decimal(100),
    batch_wait_s=60,
    batch_poll_s=0.02,
)


class DyingBatches:
    """The vendor's batches, in a process that dies at one moment."""

    def __init__(self, real: Any, moment: str) -> None:
        self._real = real
        self._moment = moment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def _pass(self, moment: str) -> None:
        if moment == self._moment:
            os.kill(os.getpid(), signal.SIGKILL)

    async def submit(self, name: str, items: Any) -> Any:
        self._pass("before_submit")
        taken = await self._real.submit(name, items)
        self._pass("after_submit")
        return taken

    async def results(self, batch_id: str, sent: Any) -> AsyncIterator[Any]:
        async for result in self._real.results(batch_id, sent):
            yield result
        self._pass("after_results")

    async def discard(self, batch_id: str) -> None:
        self._pass("after_commit")
        await self._real.discard(batch_id)


class DyingAdapter:
    """An adapter with such batches."""

    def __init__(self, real: Any, moment: str) -> None:
        self._real = real
        self.batches = DyingBatches(real.batches, moment)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def run(
    database_url: str,
    base_url: str,
    provider: str,
    run_id: str,
    moment: str,
    *,
    settings: Settings = SETTINGS,
    phases: Sequence[str] = ("suites",),
) -> dict[str, int]:
    """The run's shards one after the other; returns the last one's counts."""

    @asynccontextmanager
    async def opener(credential: ProviderCredential, *, concurrency: int) -> AsyncIterator[Any]:
        async with open_adapter(credential, concurrency=concurrency) as adapter:
            yield DyingAdapter(adapter, moment)

    engine = open_engine(database_url)
    key = ProviderCredential(provider, KEY, base_url)
    counts: dict[str, int] = {}
    for shard in load_run(engine, run_id).shards:
        work = run_shard(
            engine, run_id, shard, lambda _: key, settings, now=NOW, phases=phases, opener=opener
        )
        counts |= asyncio.run(work)
    engine.dispose()
    return counts
