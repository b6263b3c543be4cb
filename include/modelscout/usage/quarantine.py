"""What could not be taken in: looked at, and tried again once the cause is mended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy import Connection, Engine

from modelscout.usage.events import (
    COLUMNS,
    FUTURE_TOLERANCE,
    OUTCOME_COLUMNS,
    Row,
    Unfit,
    event_row,
    outcome_row,
)
from modelscout.usage.formats import FORMATS
from modelscout.usage.mapping import UsageMapping
from modelscout.usage.rows import Imported, ensure_partitions, event_values, split_closed, split_moved
from modelscout.usage.store import UNREADABLE, Batch, write
from modelscout.warehouse.engine import Row as WarehouseRow
from modelscout.warehouse.engine import run_sql

BATCH_ROWS = 1_000


@dataclass(slots=True)
class ReplayReport:
    """tried = taken_in + duplicates + ignored + still_wrong."""

    tried: int = 0
    taken_in: int = 0
    duplicates: int = 0
    ignored: int = 0
    """Under the mapping of now it is no call of a model."""
    still_wrong: int = 0
    problems: dict[str, int] = field(default_factory=dict)


class _Event(NamedTuple):
    """A record that is an event now."""

    id: str
    imported: Imported
    format: str
    source: str | None


class _Outcome(NamedTuple):
    """A record that is an outcome now."""

    id: str
    row: Row


_Item = _Event | _Outcome


@dataclass(slots=True)
class _Sorted:
    """One batch of quarantined records after another look."""

    events: list[_Event] = field(default_factory=list)
    outcomes: list[_Outcome] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    wrong: list[tuple[str, Unfit]] = field(default_factory=list)


def list_quarantine(
    engine: Engine, *, organization_id: str | None = None, source: str | None = None, most: int = 50
) -> list[WarehouseRow]:
    """Records that wait, the newest first; `total` of each row is how many there are."""
    wanted = {"organization_id": organization_id, "source": source, "most": most}
    with engine.connect() as connection:
        return run_sql(connection, "queries/usage_quarantine_list", wanted)


def replay_quarantine(
    engine: Engine,
    *,
    now: datetime,
    mapping: UsageMapping,
    organization_id: str | None = None,
    source: str | None = None,
) -> ReplayReport:
    """Try every record that waits once more. Each batch is one transaction, so that a kill repeats nothing."""
    report, after = ReplayReport(), str(UUID(int=0))
    known_days: set[date] = set()
    while True:
        wanted = {"organization_id": organization_id, "source": source, "after": after, "most": BATCH_ROWS}
        with engine.begin() as connection:
            rows = run_sql(connection, "queries/usage_quarantine_take", wanted)
            if not rows:
                return report
            after = rows[-1]["id"]
            batch = _sort(rows, mapping, now)
            with engine.connect() as other:
                ensure_partitions(other, (e.imported.row for e in batch.events), known_days)
            _take_in(connection, batch, report)
            _settle(connection, batch, report, now)


def _sort(rows: Sequence[WarehouseRow], mapping: UsageMapping, now: datetime) -> _Sorted:
    found = _Sorted()
    for row in rows:
        try:
            _sort_one(row, mapping, now + FUTURE_TOLERANCE, found)
        except Unfit as unfit:
            found.wrong.append((row["id"], unfit))
    return found


def _sort_one(row: WarehouseRow, mapping: UsageMapping, latest: datetime, found: _Sorted) -> None:
    payload, organization = row["payload"], row["organization_id"]
    if not isinstance(payload, dict) or any(name.startswith(UNREADABLE) for name in payload):
        raise Unfit("the record was not kept whole", "mend it at its source and send or import it again")
    if row["format"] == "outcome":
        values = [organization, *(payload.get(name) for name in OUTCOME_COLUMNS[1:])]
        found.outcomes.append(_Outcome(row["id"], outcome_row(values, latest)))
        return
    values_or_none = _event_values(row, mapping)
    if values_or_none is None:
        found.ignored.append(row["id"])
        return
    imported = Imported(event_row(values_or_none, latest), payload, row["natural_key"], row["position"])
    found.events.append(_Event(row["id"], imported, row["format"], row["source"]))


def _event_values(row: WarehouseRow, mapping: UsageMapping) -> list[Any] | None:
    payload, organization = row["payload"], row["organization_id"]
    if row["format"] == "event":
        found = [payload.get(name) for name in COLUMNS]
        found[0] = organization or found[0]
        return found
    kind = FORMATS[row["format"]]
    return event_values(kind, mapping, payload, key=row["natural_key"], organization=organization)


def _take_in(connection: Connection, batch: _Sorted, report: ReplayReport) -> None:
    raw: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    by_key = {(e.imported.row[0], e.imported.key): e for e in batch.events}
    open_days, late = split_closed(connection, [e.imported for e in batch.events])
    batch.wrong += [(by_key[one.row[0], one.key].id, unfit) for one, unfit in late]
    still = [by_key[one.row[0], one.key] for one in open_days]
    events = [e for e in still if e.format == "event"]
    for imported in _by_organization(e for e in still if e.format != "event"):
        ids = {e.imported.key: e for e in imported}
        kept, moved = split_moved(connection, [e.imported for e in imported])
        batch.wrong += [(ids[m.key].id, unfit) for m, unfit in moved]
        events += [ids[one.key] for one in kept]
    for items in (events, batch.outcomes):
        _write(raw, items, batch, report)


def _by_organization(events: Iterable[_Event]) -> Iterable[list[_Event]]:
    found: dict[str, list[_Event]] = {}
    for event in events:
        found.setdefault(event.imported.row[0], []).append(event)
    return found.values()


def _write(
    raw: psycopg.Connection[Any], items: Sequence[_Item], batch: _Sorted, report: ReplayReport
) -> None:
    """Write the items; what the database refuses is found by halving, and is still wrong."""
    if not items:
        return
    try:
        with raw.transaction():
            events = [item.imported.row for item in items if isinstance(item, _Event)]
            outcomes = [item.row for item in items if isinstance(item, _Outcome)]
            written = write(raw, Batch(events, outcomes))
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        if len(items) == 1:
            message = error.diag.message_primary or type(error).__name__
            refused = Unfit(f"the database refuses it: {message}", "correct the value that the message names")
            batch.wrong.append((items[0].id, refused))
        else:
            middle = len(items) // 2
            _write(raw, items[:middle], batch, report)
            _write(raw, items[middle:], batch, report)
        return
    report.taken_in += written.written
    report.duplicates += written.duplicates


def _settle(connection: Connection, batch: _Sorted, report: ReplayReport, now: datetime) -> None:
    wrong = dict(batch.wrong)
    every = [*(e.id for e in batch.events), *(o.id for o in batch.outcomes), *batch.ignored, *wrong]
    settled = [
        {"id": one, "reason": wrong[one].reason, "remedy": wrong[one].remedy} if one in wrong else {"id": one}
        for one in dict.fromkeys(every)
    ]
    run_sql(connection, "queries/usage_quarantine_settle", {"settled": json.dumps(settled), "now": now})
    report.tried += len(settled)
    report.ignored += len(batch.ignored)
    report.still_wrong += len(wrong)
    problems = Counter(report.problems)
    problems.update(unfit.remedy for unfit in wrong.values())
    report.problems = dict(problems.most_common(20))
