"""Says how far a phase of a run is, and notices when somebody has cancelled the run."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from sqlalchemy import Engine

from modelscout.benchmarks.control import STOPPED, note_planned_calls, run_status

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
REPORT_EVERY_S = 10.0
ENDED = ("answered", "failed", "already_done", "skipped_for_budget", "skipped_unreachable")


@asynccontextmanager
async def watched(
    engine: Engine, run_id: str, label: str, *, planned: int, counts: Counter[str]
) -> AsyncIterator[Callable[[], bool]]:
    """While the body works through `planned` calls: log its progress, and watch for a cancelled run.

    `counts` is what the body keeps by how calls ended. Gives a function that says whether the run was stopped.
    """
    stopped = asyncio.Event()
    await asyncio.to_thread(note_planned_calls, engine, run_id, label, planned)
    if await asyncio.to_thread(run_status, engine, run_id) in STOPPED:
        stopped.set()
    watcher = asyncio.create_task(_watch(engine, run_id, label, planned, counts, stopped))
    try:
        yield stopped.is_set
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher


async def _watch(
    engine: Engine, run_id: str, label: str, planned: int, counts: Counter[str], stopped: asyncio.Event
) -> None:
    began, done_before = time.monotonic(), counts["already_done"]
    reported = began
    while not stopped.is_set():
        await asyncio.sleep(LOOK_EVERY_S)
        if await asyncio.to_thread(run_status, engine, run_id) in STOPPED:
            log.warning("run %s was cancelled: %s sends no further call", run_id, label)
            stopped.set()
        elif time.monotonic() - reported >= REPORT_EVERY_S:
            reported = time.monotonic()
            log.info(
                "%s: %s",
                label,
                progress_text(counts, planned, done_before=done_before, seconds=reported - began),
            )


def progress_text(counts: Counter[str], planned: int, *, done_before: int, seconds: float) -> str:
    """One line for a person: how many of how many calls have ended, and how long the rest takes at this pace."""
    ended = sum(counts[name] for name in ENDED)
    line = f"{ended:,} of {planned:,} calls, {counts['failed']:,} failed"
    fresh = ended - done_before
    if fresh <= 0:
        return line
    return f"{line}, about {(planned - ended) * seconds / fresh:,.0f} s left"
