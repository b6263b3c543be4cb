"""Writes result rows while calls go on: a call is done when its row is in the database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

from modelscout.core.stored import storable
from modelscout.warehouse.engine import run_sql


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
            parameters = {"run_id": self._run_id, "rows": json.dumps(storable(rows))}
            run_sql(connection, "queries/benchmark_record", parameters)
