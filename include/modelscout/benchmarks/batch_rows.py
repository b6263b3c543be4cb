"""The table of batches: a batch has its row before the vendor knows of it, and is collected in one transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Engine

from modelscout.benchmarks.rows import record
from modelscout.benchmarks.work import SettledCase
from modelscout.core.stored import storable
from modelscout.warehouse.engine import Row, run_sql

ABANDONED_AFTER = timedelta(days=3)
"""No vendor works longer than two days on a batch."""


@dataclass(frozen=True, slots=True)
class BatchedCase:
    """One case of a batch: what recognises its answer, grades it and makes its row."""

    item_id: str
    columns: Mapping[str, Any]
    """What its row says of the call."""
    grader: str
    reference: Any
    image_count: int
    worst_usd: str
    """A decimal: JSON has no exact numbers."""


@dataclass(slots=True)
class PendingBatch:
    """One batch that is not collected yet. `vendor_batch_id` None: whether the vendor took it is not known."""

    batch_id: str
    run_id: str
    organization_id: str
    model_id: str
    provider: str
    model: str
    secret_reference: str
    items: tuple[BatchedCase, ...]
    reservation_id: str | None
    simulated: bool
    submitted_at: datetime
    vendor_batch_id: str | None = None

    @property
    def name(self) -> str:
        """What it is called at the vendor."""
        return f"modelscout-{self.batch_id.replace('-', '')}"

    @property
    def worst_usd(self) -> Decimal:
        """What it may cost at most."""
        return sum((Decimal(item.worst_usd) for item in self.items), Decimal(0))

    def settled_as(self, item: BatchedCase) -> SettledCase:
        """How an item's row is recognised."""
        columns = item.columns
        return SettledCase(self.model_id, columns["suite"], columns["case_key"], columns["trial"])


class AskedCases(NamedTuple):
    """What batches have asked already."""

    pending: frozenset[SettledCase]
    """Of any run, not answered yet: to ask again would pay twice."""
    by_this_run: frozenset[SettledCase]


class BatchRows:
    """Rows of `ai_benchmark_batches`, for one run."""

    def __init__(self, engine: Engine, run_id: str) -> None:
        """Results that are collected become rows of the run `run_id`."""
        self._engine = engine
        self._run_id = run_id

    def create(self, batch: PendingBatch) -> None:
        """Write a batch that is about to be handed in."""
        values: dict[str, Any] = {
            name: getattr(batch, name)
            for name in (
                "batch_id", "run_id", "organization_id", "model_id", "secret_reference", "reservation_id",
                "simulated", "submitted_at",
            )
        }  # fmt: skip
        items = json.dumps(storable([asdict(item) for item in batch.items]))
        self._run("benchmark_batch_create", values | {"items": items})

    def opened(self, batch: PendingBatch, vendor_batch_id: str) -> bool:
        """Note that the vendor has it. False where somebody else has closed it meanwhile."""
        values = {"batch_id": batch.batch_id, "vendor_batch_id": vendor_batch_id}
        return bool(self._run("benchmark_batch_open", values))

    def pending(self, organizations: Collection[str], now: datetime) -> list[PendingBatch]:
        """The batches of these organizations that wait; what waited for days is given up."""
        self._run("benchmark_batch_abandon", {"now": now, "before": now - ABANDONED_AFTER})
        rows = self._run("benchmark_batches_pending", {"organization_ids": sorted(organizations)})
        return [
            PendingBatch(**row | {"items": tuple(BatchedCase(**item) for item in row["items"])})
            for row in rows
        ]

    def asked(self) -> AskedCases:
        """Cases that need no batch of this run."""
        rows = self._run("benchmark_batch_cases", {"run_id": self._run_id})
        cases = [
            (SettledCase(row["model_id"], row["suite"], row["case_key"], row["trial"]), row["is_pending"])
            for row in rows
        ]
        return AskedCases(
            pending=frozenset(case for case, is_pending in cases if is_pending),
            by_this_run=frozenset(case for case, _ in cases),
        )

    def close(
        self,
        batch: PendingBatch,
        state: str,
        *,
        now: datetime,
        spent_usd: Decimal,
        rows: Sequence[Mapping[str, Any]] = (),
    ) -> bool:
        """Write its results, settle what was held for it and close it, all or nothing.

        False where somebody else has closed it: then nothing is written.
        """
        with self._engine.begin() as connection:
            values = {"batch_id": batch.batch_id, "state": state, "now": now}
            if not run_sql(connection, "queries/benchmark_batch_close", values):
                return False
            record(connection, self._run_id, rows)
            if batch.reservation_id is not None:
                settled = {"id": batch.reservation_id, "settled_usd": spent_usd}
                run_sql(connection, "queries/benchmark_settle", settled)
        return True

    def _run(self, query: str, values: Mapping[str, Any]) -> list[Row]:
        with self._engine.begin() as connection:
            return run_sql(connection, f"queries/{query}", values)
