"""Writes result rows while calls go on: a call is done when its row is in the database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from modelscout.core.stored import storable
from modelscout.providers.protocol import GenerateResult
from modelscout.warehouse.engine import run_sql

MESSAGE_LIMIT = 300
ANSWERS_KEPT_FOR = timedelta(days=7)
"""So long an answer waits for its judge: a week of nights, and no longer, for it is the organization's data."""


def answer_columns(
    result: GenerateResult, graded: Mapping[str, Any], cost_usd: Decimal | None
) -> dict[str, Any]:
    """What a row says of an answer, however it came; `graded` says how good it is, or keeps it for its judge."""
    usage, duration_ms, first_ms = result.usage, result.duration_ms, result.time_to_first_token_ms
    return {
        **graded,
        "served_model": result.served_model,
        "duration_ms": None if duration_ms is None else round(duration_ms),
        "time_to_first_token_ms": None if first_ms is None else round(first_ms),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cache_write_1h_tokens": usage.cache_write_1h_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "image_tokens": usage.image_tokens,
        "image_count": usage.image_count,
        "operations": usage.operations,
        "cost_usd": None if cost_usd is None else str(cost_usd),
    }


def failure_columns(error_type: str, message: str) -> dict[str, Any]:
    """What a row says of a call that failed; `message` without the key."""
    return {"error_type": error_type, "error_message": message[:MESSAGE_LIMIT]}


class RowSink(Protocol):
    """Takes the row of a call that has ended, and returns when it is in the database."""

    async def write(self, row: Mapping[str, Any]) -> None:
        """Write one row; raises what the database raises."""
        ...


class RowWriter:
    """Group commit: rows that end while a statement runs go together with the next one.

    A caller waits until its row is written, so that a killed process loses at most the calls under way.
    """

    def __init__(self, engine: Engine, run_id: str) -> None:
        """Writes rows of the run `run_id`."""
        self._engine = engine
        self._run_id = run_id
        self._pending: list[Mapping[str, Any]] = []
        self._written: asyncio.Future[None] | None = None
        self._flusher: asyncio.Task[None] | None = None

    async def write(self, row: Mapping[str, Any]) -> None:
        """Write one row; raises what the database raises."""
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        self._pending.append(row)
        written = self._written
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        # Shielded: a cancelled caller must not cancel the rows of the others.
        await asyncio.shield(written)

    async def _flush(self) -> None:
        while self._pending and self._written is not None:
            rows, written = self._pending, self._written
            self._pending, self._written = [], None
            try:
                await asyncio.to_thread(self._insert, rows)
            except Exception as error:  # noqa: BLE001 - handed on to every waiting caller
                if not written.cancelled():
                    written.set_exception(error)
                    written.exception()
            else:
                if not written.cancelled():
                    written.set_result(None)

    def _insert(self, rows: list[Mapping[str, Any]]) -> None:
        with self._engine.begin() as connection:
            record(connection, self._run_id, rows)


def record(connection: Connection, run_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of one run in the caller's transaction; a case that has its row keeps it."""
    parameters = {"run_id": run_id, "rows": json.dumps(storable(rows))}
    run_sql(connection, "queries/benchmark_record", parameters)
    if any("answer" in row for row in rows):
        run_sql(connection, "queries/benchmark_keep_answers", parameters | {"kept_for": ANSWERS_KEPT_FOR})
