"""Keeps a run within its spend limit: the worst case is held before a call is sent, settled after it.

The limit of the run lives in the database, where several tasks draw on it. A ledger fetches blocks of budget
from there and deals them out to its calls in memory, so that a call costs no statement. docs/benchmarks.md
says what a killed task leaves behind.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import Engine

from modelscout.core.clock import Clock
from modelscout.core.errors import MalformedAnswer, ProviderError, ProviderUnavailable, SpendLimitReached
from modelscout.warehouse.engine import run_sql

T = TypeVar("T")

BLOCKS_PER_LIMIT = 200
"""A block is at least this fraction of the limit: small enough that idle blocks starve nobody."""


@dataclass(slots=True)
class Block:
    """A piece of the run's budget that this process holds."""

    block_id: str
    amount_usd: Decimal


class BudgetStore:
    """The run's budget in the database, for one organization."""

    def __init__(
        self,
        engine: Engine,
        run_id: str,
        organization_id: str | None,
        *,
        clock: Clock,
        day_limit_usd: Decimal | None = None,
    ) -> None:
        """Draws on the run `run_id` in the name of `organization_id`.

        `day_limit_usd` is for all runs on one UTC day of `clock`; an organization's own limit stands in its row.
        """
        self._engine = engine
        self._run_id = run_id
        self._organization_id = organization_id
        self._clock = clock
        self._day_limit_usd = day_limit_usd

    def reserve(self, amount_usd: Decimal) -> Block | None:
        """A block of `amount_usd`, or None where one of the limits leaves no room for it."""
        now = self._clock()
        with self._engine.begin() as connection:
            # Two statements on purpose: one alone would sum over a snapshot from before the lock.
            locked = run_sql(connection, "queries/benchmark_lock_run", {"run_id": self._run_id})
            parameters = {
                "run_id": self._run_id,
                "organization_id": self._organization_id,
                "amount": amount_usd,
                "spend_limit_usd": locked[0]["spend_limit_usd"],
                "day_limit_usd": self._day_limit_usd,
                "now": now,
                "day": now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0),
            }
            rows = run_sql(connection, "queries/benchmark_reserve", parameters)
        return Block(rows[0]["id"], amount_usd) if rows else None

    def settle(self, blocks: list[Block], spent_usd: Decimal) -> None:
        """Give back what of `blocks` was not spent."""
        left = spent_usd
        with self._engine.begin() as connection:
            for index, block in enumerate(blocks):
                last = index == len(blocks) - 1
                share = left if last else min(left, block.amount_usd)
                left -= share
                run_sql(connection, "queries/benchmark_settle", {"id": block.block_id, "settled_usd": share})


class SpendLedger:
    """One organization's calls in one task, bound to one event loop."""

    def __init__(self, store: BudgetStore, *, block_usd: Decimal) -> None:
        """`block_usd` is the least that is fetched at once."""
        self._store = store
        self._block_usd = block_usd
        self._blocks: list[Block] = []
        self._held_usd = Decimal(0)
        self._spent_usd = Decimal(0)
        self._calls = 0
        self._refused_usd: Decimal | None = None
        self._changed = asyncio.Condition()

    @property
    def spent_usd(self) -> Decimal:
        """Settled so far."""
        return self._spent_usd

    async def hold(self, worst_usd: Decimal) -> None:
        """Hold the worst case of one call, waiting for calls under way where only they stand in the way.

        Raises SpendLimitReached where the run's limit leaves no room.
        """
        async with self._changed:
            while not await self._has_room(worst_usd):
                if self._calls == 0:
                    raise SpendLimitReached(
                        f"the next call may cost {worst_usd:.4f} USD, more than is left of the run's limit"
                    )
                await self._changed.wait()
            self._held_usd += worst_usd
            self._calls += 1

    async def settle(self, worst_usd: Decimal, spent_usd: Decimal) -> None:
        """Replace what was held for a call by what it cost."""
        async with self._changed:
            self._held_usd -= worst_usd
            self._spent_usd += spent_usd
            self._calls -= 1
            self._changed.notify_all()

    async def close(self) -> None:
        """Return what was not spent to the run."""
        if self._blocks:
            await asyncio.to_thread(self._store.settle, self._blocks, self._spent_usd + self._held_usd)
            self._blocks = []

    async def _has_room(self, worst_usd: Decimal) -> bool:
        total = sum((block.amount_usd for block in self._blocks), Decimal(0))
        missing = self._spent_usd + self._held_usd + worst_usd - total
        if missing <= 0:
            return True
        if self._refused_usd is not None and missing >= self._refused_usd:
            return False
        for amount in sorted({max(missing, self._block_usd), missing}, reverse=True):
            block = await asyncio.to_thread(self._store.reserve, amount)
            if block is not None:
                self._blocks.append(block)
                return True
        self._refused_usd = missing
        return False


LedgerFactory = Callable[[str], SpendLedger]
"""Gives the ledger of one organization."""


async def spend_on(
    ledger: SpendLedger,
    worst_usd: Decimal,
    send: Callable[[], Awaitable[T]],
    cost_of: Callable[[T], Decimal | None],
) -> tuple[T, Decimal | None]:
    """Send one call with its worst case held while it runs; returns the answer and what it cost.

    A call of unknown cost counts with its worst case, and so does one that failed but may be billed. Raises
    SpendLimitReached before anything is sent where the limit leaves no room, and what `send` raises.
    """
    await ledger.hold(worst_usd)
    spent = worst_usd
    try:
        answer = await send()
        cost = cost_of(answer)
        spent = worst_usd if cost is None else cost
    except ProviderError as error:
        spent = worst_usd if _may_be_billed(error) else Decimal(0)
        raise
    finally:
        await ledger.settle(worst_usd, spent)
    return answer, cost


def _may_be_billed(error: ProviderError) -> bool:
    """A vendor bills answers that were cut or that came too late for us."""
    return isinstance(error, MalformedAnswer) or (
        isinstance(error, ProviderUnavailable) and error.status is None
    )


@asynccontextmanager
async def open_ledgers(
    engine: Engine, run_id: str, limit_usd: Decimal, *, now: datetime, day_limit_usd: Decimal | None
) -> AsyncIterator[LedgerFactory]:
    """Ledgers of a run's organizations, made on first use; at the end what was not spent is returned."""
    ledgers: dict[str, SpendLedger] = {}
    began = time.monotonic()

    def clock() -> datetime:
        """The run's time, which goes on: a night may pass midnight."""
        return now + timedelta(seconds=time.monotonic() - began)

    def ledger_of(organization_id: str) -> SpendLedger:
        if organization_id not in ledgers:
            store = BudgetStore(engine, run_id, organization_id, clock=clock, day_limit_usd=day_limit_usd)
            ledgers[organization_id] = SpendLedger(store, block_usd=limit_usd / BLOCKS_PER_LIMIT)
        return ledgers[organization_id]

    try:
        yield ledger_of
    finally:
        for ledger in ledgers.values():
            await ledger.close()
