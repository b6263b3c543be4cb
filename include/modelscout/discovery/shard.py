"""Asks the keys of a shard of organizations, provider by provider, and writes what they said in batches."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from modelscout.catalog.loader import Catalog, load_catalog
from modelscout.core.secrets import CredentialSource
from modelscout.discovery.gate import VendorGate
from modelscout.discovery.keys import KeyReport, KeyTarget, ask_key, credential_of
from modelscout.discovery.write import write_reports
from modelscout.warehouse.engine import run_sql

log = logging.getLogger(__name__)

ORGANIZATIONS_PER_SHARD = 25
"""A task costs about a second whatever it does; so many organizations are worth one of their own."""
KEYS_PER_BATCH = 100
"""Keys whose answers are written in one transaction."""
BATCH_WAIT_S = 1.0
"""A batch that is not full is written after so long, so that little is lost where the task is killed."""
TRIES_PER_KEY = 3
"""A key that answers nothing, while the vendor answers others, is left after so many tries."""
_DONE = None


def plan_shards(engine: Engine, *, shards: int) -> list[list[str]]:
    """Organizations with a usable key, dealt out to at most `shards` lists of ids, none of them tiny."""
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/discovery_targets", {"organization_ids": None, "provider": None})
    ids = sorted({row["organization_id"] for row in rows})
    count = min(shards, -(-len(ids) // ORGANIZATIONS_PER_SHARD))
    return [ids[i::count] for i in range(count)]


async def discover_shard(
    engine: Engine,
    organization_ids: Sequence[str],
    credentials: CredentialSource,
    *,
    concurrency: int,
    now: datetime,
    provider: str | None = None,
) -> dict[str, int]:
    """Ask every key of these organizations, or only those of `provider`, and write what it said.

    At most `concurrency` questions to each provider are open at once: one slow vendor holds up nobody else. Returns
    counts by health. A repeated run with the same `now` writes the same rows.
    """
    targets = await asyncio.to_thread(_targets, engine, organization_ids, provider)
    by_provider: dict[str, list[KeyTarget]] = defaultdict(list)
    for target in targets:
        by_provider[target.provider].append(target)
    answers: asyncio.Queue[KeyReport | None] = asyncio.Queue(2 * KEYS_PER_BATCH)
    async with asyncio.TaskGroup() as group:
        writer = group.create_task(_write(engine, answers, load_catalog(), now, len(targets)))
        async with asyncio.TaskGroup() as askers:
            for own in by_provider.values():
                todo, gates = iter(own), defaultdict[str | None, VendorGate](VendorGate)
                for _ in range(min(concurrency, len(own))):
                    askers.create_task(_ask_all(todo, credentials, gates, answers))
        await answers.put(_DONE)
    return dict(writer.result())


async def _ask_all(
    todo: Iterator[KeyTarget],
    credentials: CredentialSource,
    gates: dict[str | None, VendorGate],
    answers: asyncio.Queue[KeyReport | None],
) -> None:
    for target in todo:
        credential = credential_of(target, credentials)
        # One gate for each server: somebody's dead gateway says nothing about the vendor.
        gate = gates[credential.base_url if credential else None]
        await answers.put(await _ask_through(gate, target, credentials))


async def _ask_through(gate: VendorGate, target: KeyTarget, credentials: CredentialSource) -> KeyReport:
    """The key's report; a key that answers nothing is asked again while that may be the vendor's trouble."""
    report = KeyReport(target, "unreachable", "the provider answers nobody; asked again in the next run")

    async def question() -> bool:
        nonlocal report
        report = await ask_key(target, credentials)
        return not report.vendor_failed

    tries = 0
    while await gate.ask(question):
        tries += not gate.is_closed()
        if not report.ask_again or tries >= TRIES_PER_KEY:
            break
    return report


async def _write(
    engine: Engine, answers: asyncio.Queue[KeyReport | None], catalog: Catalog, now: datetime, total: int
) -> Counter[str]:
    """Write batches until the end of the queue; returns counts by health."""
    counts: Counter[str] = Counter()
    more = True
    while more:
        batch, more = await _batch(answers)
        if batch:
            events, written = await asyncio.to_thread(_write_batch, engine, batch, catalog, now)
            counts.update(report.health for report in written)
            log.info("%d of %d keys asked, %d news: %s", counts.total(), total, events, dict(counts))
    return counts


def _write_batch(
    engine: Engine, batch: list[KeyReport], catalog: Catalog, now: datetime
) -> tuple[int, list[KeyReport]]:
    """Write a batch; where the database refuses it, key by key, so that the one that is to blame stands alone."""
    try:
        return write_reports(engine, batch, catalog, now=now), batch
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        if len(batch) == 1:
            log.warning(
                "%s %s: its answer cannot be stored", batch[0].target.organization, batch[0].target.provider
            )
            refused = KeyReport(batch[0].target, "unreachable", "its answer cannot be stored")
            return write_reports(engine, [refused], catalog, now=now), [refused]
    parts = [_write_batch(engine, [report], catalog, now) for report in batch]
    return sum(events for events, _ in parts), [report for _, reports in parts for report in reports]


async def _batch(answers: asyncio.Queue[KeyReport | None]) -> tuple[list[KeyReport], bool]:
    """The next answers, at most a batch and none older than a moment, and whether there may be more."""
    batch: list[KeyReport] = []
    loop = asyncio.get_running_loop()
    until: float | None = None
    while len(batch) < KEYS_PER_BATCH:
        try:
            async with asyncio.timeout_at(until):
                report = await answers.get()
        except TimeoutError:
            break
        if report is _DONE:
            return batch, False
        batch.append(report)
        until = until or loop.time() + BATCH_WAIT_S
    return batch, True


def key_health(engine: Engine) -> dict[str, int]:
    """Number of enabled keys by health."""
    with engine.connect() as connection:
        statement = (
            "SELECT health, count(*) FROM organization_provider_keys WHERE enabled GROUP BY health ORDER BY 1"
        )
        return {str(health): int(count) for health, count in connection.execute(text(statement))}


def close_alerts_of_unused_keys(engine: Engine, *, now: datetime) -> None:
    """An alert about a key that was switched off, taken away or may not be used any more is over."""
    statement = (
        "UPDATE alerts AS a SET resolved_at = :now WHERE a.kind = 'key' AND a.resolved_at IS NULL AND NOT EXISTS ("
        "SELECT FROM usable_provider_keys AS k WHERE k.organization_id = a.organization_id "
        "AND k.provider = a.details ->> 'provider')"
    )
    with engine.begin() as connection:
        connection.execute(text(statement), {"now": now})


def _targets(engine: Engine, organization_ids: Sequence[str], provider: str | None) -> list[KeyTarget]:
    parameters = {"organization_ids": list(organization_ids), "provider": provider}
    with engine.connect() as connection:
        return [KeyTarget(**row) for row in run_sql(connection, "queries/discovery_targets", parameters)]
