"""Sends the calls of a run that can wait through the vendors' batch APIs, and collects what they answer.

Data goes one way: reserve the worst case, write the batch's row, hand the batch in, note the vendor's id, look until
it has ended, write all its rows and settle in one transaction. docs/benchmarks.md says what a kill between any two
of these steps leaves behind.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine

from modelscout.benchmarks.batch_items import Outgoing, answer_of, batched_case, chunks, fitting, outgoing
from modelscout.benchmarks.batch_rows import BatchedCase, BatchRows, PendingBatch
from modelscout.benchmarks.execution import (
    AdapterOpener,
    Call,
    OpenKey,
    open_references,
)
from modelscout.benchmarks.spend import BudgetStore
from modelscout.benchmarks.stored_runs import StoredRun
from modelscout.benchmarks.work import SettledCase, load_prices, prices_of
from modelscout.core.errors import ModelNotFound, ProviderError, RateLimited
from modelscout.core.secrets import CredentialSource, is_simulated
from modelscout.core.settings import Settings
from modelscout.core.types import Processing
from modelscout.providers.batch import (
    Batches,
    BatchItem,
    BatchState,
    SentItem,
    batches_of,
)

log = logging.getLogger(__name__)

SIZE_MARGIN = Decimal("0.9")
"""Share of the vendor's limit in bytes that is used: sizes are counted before the request has its final form."""
BUDGET_SHARE = Decimal("0.5")
"""What batches may hold of the run's limit at once: the live calls go on beside them."""
LOOKS_UNTIL_LOST = 5
"""A batch that the vendor does not show in so many looks never arrived."""
PAUSE_GROWTH, LONGEST_PAUSE = 1.5, 12
"""Of the pauses between looks; the longest in units of the first."""


@dataclass
class BatchDesk:
    """Hands in and collects the batches of one task of one run."""

    engine: Engine
    run: StoredRun
    credentials: CredentialSource
    settings: Settings
    now: datetime
    opener: AdapterOpener
    counts: Counter[str] = field(default_factory=Counter)
    _began: float = field(default_factory=time.monotonic)
    _looks: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Rows go through one object."""
        self._rows = BatchRows(self.engine, self.run.run_id)

    async def pending(self) -> frozenset[SettledCase]:
        """Cases that some batch is asking now: not to be asked by anybody else."""
        return (await asyncio.to_thread(self._rows.asked)).pending

    async def submit(
        self, calls: Sequence[Call], keys: Mapping[str, OpenKey], dead: Collection[tuple[str, str]]
    ) -> list[Call]:
        """Hand in what may wait; returns the calls that are to be asked live.

        Live are calls whose first token is measured, that no batch price is known for, that a batch of this run
        has asked before, or whose worst case does not fit into what batches may hold.
        """
        if not any(call.model.allows_batches for call in calls):
            return list(calls)
        asked = (await asyncio.to_thread(self._rows.asked)).by_this_run
        live: list[Call] = []
        groups: dict[tuple[str, str], list[Outgoing]] = {}
        for call in calls:
            model = call.model
            names = ((model.secret_reference, ""), (model.secret_reference, model.facts.model_id))
            may_wait = _may_wait(call) and call.settled_as not in asked
            item = outgoing(call, self.now) if may_wait and not any(name in dead for name in names) else None
            if item is None or _api(keys, model.secret_reference) is None:
                live.append(call)
            else:
                groups.setdefault(names[1], []).append(item)
        room = self.run.spend_limit_usd * BUDGET_SHARE / max(1, len(self.run.shards))
        for (reference, _), group in sorted(groups.items()):
            api = _api(keys, reference)
            for chunk in chunks(group, 0 if api is None else int(api.limits.size_bytes * SIZE_MARGIN)):
                size, worst = fitting(chunk, room)
                if size and api and await self._hand_in(api, keys[reference], chunk[:size], worst):
                    room -= worst
                    chunk = chunk[size:]
                live += [item.call for item in chunk]
        return live

    async def collect(
        self, organizations: Collection[str], *, stopped: Callable[[], bool] = lambda: False
    ) -> set[SettledCase]:
        """Write the results of these organizations' batches that have ended; returns cases to ask live.

        Batches of this run are waited for, or called off once it is `stopped`; those of earlier runs are looked at
        once. A case that failed for a passing reason has no row and is among the returned ones.
        """
        waiting = await asyncio.to_thread(self._rows.pending, organizations, self._clock())
        again: set[SettledCase] = set()
        if not waiting:
            return again
        references = {batch.secret_reference for batch in waiting}
        deadline = time.monotonic() + self.settings.batch_wait_s
        async with open_references(
            references, self.credentials, self.opener, concurrency=self.settings.request_concurrency
        ) as keys:
            for pause_s in _pauses(self.settings.batch_poll_s):
                closed = [await self._look(batch, keys, again) for batch in waiting]
                waiting = [batch for batch, is_closed in zip(waiting, closed, strict=True) if not is_closed]
                worth = [b for b in waiting if b.run_id == self.run.run_id or b.vendor_batch_id is None]
                if not worth or stopped() or time.monotonic() + pause_s > deadline:
                    break
                await asyncio.sleep(pause_s)
            if stopped():
                await self._call_off([b for b in waiting if b.run_id == self.run.run_id], keys)
        if waiting:
            self.counts["left_in_batches"] += sum(len(batch.items) for batch in waiting)
            log.warning("%d batches are left for the next run to collect", len(waiting))
        return again

    async def _call_off(self, batches: Sequence[PendingBatch], keys: Mapping[str, OpenKey]) -> None:
        """Ask the vendors to stop; what they had answered by then is collected by the next run."""
        for batch in batches:
            api = _api(keys, batch.secret_reference)
            if api is not None and batch.vendor_batch_id is not None:
                with suppress(ProviderError):
                    await api.cancel(batch.vendor_batch_id)
                    log.info("batch %s is called off", batch.name)

    async def _hand_in(self, api: Batches, key: OpenKey, chunk: Sequence[Outgoing], worst: Decimal) -> bool:
        """Reserve, write the row, hand in. False where the calls are to be asked live instead."""
        organization_id = chunk[0].call.model.organization_id
        budget = BudgetStore(
            self.engine,
            self.run.run_id,
            organization_id,
            clock=self._clock,
            day_limit_usd=self.settings.spend_limit_usd_per_day,
        )
        block = await asyncio.to_thread(budget.reserve, worst)
        if block is None:
            return False
        batch = self._batch(chunk, key, block.block_id)
        items = [BatchItem(case.item_id, item.request) for case, item in zip(batch.items, chunk, strict=True)]
        await asyncio.to_thread(self._rows.create, batch)
        try:
            status = await api.submit(batch.name, items)
        except ProviderError as error:
            log.warning("batch %s: %s", batch.name, key.credential.redact(str(error)))
            # Without a plain refusal the vendor may have it: `collect` finds out before anything is asked again.
            return not (_is_refusal(error) and await self._close(batch, "refused", Decimal(0)))
        if not await asyncio.to_thread(self._rows.opened, batch, status.batch_id):
            log.warning("batch %s was given up by another task before it was taken", batch.name)
            with suppress(ProviderError):
                await api.cancel(status.batch_id)
            return True
        self.counts["sent_in_batches"] += len(items)
        return True

    def _batch(self, chunk: Sequence[Outgoing], key: OpenKey, reservation_id: str) -> PendingBatch:
        model = chunk[0].call.model
        batch = PendingBatch(
            batch_id=str(uuid.uuid4()),
            run_id=self.run.run_id,
            organization_id=model.organization_id,
            model_id=model.facts.model_id,
            provider=model.facts.provider,
            model=model.facts.name,
            secret_reference=model.secret_reference,
            items=(),
            reservation_id=reservation_id,
            simulated=model.simulated_organization and is_simulated(key.credential),
            submitted_at=self._clock(),
        )
        batch.items = tuple(batched_case(f"{batch.name}-{number}", item) for number, item in enumerate(chunk))
        return batch

    async def _look(self, batch: PendingBatch, keys: Mapping[str, OpenKey], again: set[SettledCase]) -> bool:
        """Bring one batch as far as it is; True where it is done with."""
        api = _api(keys, batch.secret_reference)
        if api is None:
            return False
        try:
            if batch.vendor_batch_id is None:
                return await self._search(batch, api, again)
            if (await api.status(batch.vendor_batch_id)).state is not BatchState.ENDED:
                return False
            return await self._take(batch, batch.vendor_batch_id, api, again)
        except ModelNotFound:
            # The vendor had it and has it no more: what it cost is not known.
            return await self._give_up(batch, batch.worst_usd, again)
        except ProviderError as error:
            message = keys[batch.secret_reference].credential.redact(str(error))
            log.warning("batch %s cannot be looked at now: %s", batch.name, message)
            return False

    async def _search(self, batch: PendingBatch, api: Batches, again: set[SettledCase]) -> bool:
        """Whether the vendor took a batch whose handing in was cut short."""
        found = await api.find(batch.name, items=len(batch.items), since=batch.submitted_at)
        if found.batch is not None:
            batch.vendor_batch_id = found.batch.batch_id
            await asyncio.to_thread(self._rows.opened, batch, found.batch.batch_id)
        elif found.is_certain:
            self._looks[batch.batch_id] += 1
            if self._looks[batch.batch_id] >= LOOKS_UNTIL_LOST:
                return await self._give_up(batch, Decimal(0), again)
        return False

    async def _give_up(self, batch: PendingBatch, spent_usd: Decimal, again: set[SettledCase]) -> bool:
        log.warning("batch %s is lost: its cases are asked again", batch.name)
        if await self._close(batch, "lost", spent_usd):
            again |= {batch.settled_as(item) for item in batch.items}
        return True

    async def _take(
        self, batch: PendingBatch, vendor_batch_id: str, api: Batches, again: set[SettledCase]
    ) -> bool:
        """Write the results of a batch that has ended."""
        organization = {batch.organization_id}
        book = await asyncio.to_thread(load_prices, self.engine, organization, now=self.now)
        prices = prices_of(book, batch.organization_id, batch.provider, batch.model)
        cases = {item.item_id: item for item in batch.items}
        sent = {item.item_id: SentItem(batch.model, item.image_count) for item in batch.items}
        rows: list[dict[str, Any]] = []
        failed_for_now: set[SettledCase] = set()
        spent = Decimal(0)
        async for result in api.results(vendor_batch_id, sent):
            case = cases[result.item_id]
            columns, cost = answer_of(result.outcome, case, prices, batch.submitted_at)
            spent += cost
            if columns is None:
                failed_for_now.add(batch.settled_as(case))
            else:
                rows.append(self._row(case, batch) | columns)
        if await self._close(batch, "collected", spent, rows):
            again |= failed_for_now
            answered = sum("score" in row for row in rows)
            self.counts.update(answered=answered, failed=len(rows) - answered)
            log.info("batch %s: %d answers, %d to ask again", batch.name, answered, len(failed_for_now))
            with suppress(ProviderError):
                await api.discard(vendor_batch_id)
        return True

    def _row(self, case: BatchedCase, batch: PendingBatch) -> dict[str, Any]:
        return dict(case.columns) | {
            "finished_at": self._clock().isoformat(),
            "simulated": batch.simulated,
            "processing": Processing.BATCH.value,
        }

    async def _close(
        self, batch: PendingBatch, state: str, spent_usd: Decimal, rows: Sequence[Mapping[str, Any]] = ()
    ) -> bool:
        return await asyncio.to_thread(
            self._rows.close, batch, state, now=self._clock(), spent_usd=spent_usd, rows=rows
        )

    def _clock(self) -> datetime:
        """The run's time, which goes on."""
        return self.now + timedelta(seconds=time.monotonic() - self._began)


def _may_wait(call: Call) -> bool:
    """Whether a call is not about speed and its organization lets it wait."""
    return call.model.allows_batches and call.about != "speed" and not call.stream


def _api(keys: Mapping[str, OpenKey], reference: str) -> Batches | None:
    return batches_of(keys[reference].adapter) if reference in keys else None


def _is_refusal(error: ProviderError) -> bool:
    """Whether the vendor has certainly not taken the batch."""
    return isinstance(error, RateLimited) or (error.status is not None and error.status < 500)


def _pauses(first_s: float) -> Iterator[float]:
    pause_s = first_s
    while True:
        yield pause_s
        pause_s = min(pause_s * PAUSE_GROWTH, first_s * LONGEST_PAUSE)
