"""Writes batches of usage into the warehouse: COPY into temporary tables, then one INSERT for all.

Works under the pipeline's role, under `modelscout_application` (scoped per organization) and under an
organization's own role. Nothing here commits: each function runs in the caller's transaction or opens one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg

from modelscout.core.stored import storable
from modelscout.usage.events import COLUMNS, OUTCOME_COLUMNS, Row, Unfit
from modelscout.warehouse.sqlfiles import load_sql

MOST_PAYLOAD_CHARACTERS = 16_384
HEAD_CHARACTERS = 4_096
UNREADABLE = "unreadable_"
"""Begins names in payloads that stand in place of the record, which can then not be replayed."""
_NAMES = {"event": COLUMNS, "outcome": OUTCOME_COLUMNS}


class Quarantined(NamedTuple):
    """One record that cannot be taken in, as a row of `ai_usage_quarantine`. `payload` is JSON."""

    organization_id: str | None
    natural_key: str
    reason: str
    remedy: str
    payload: str
    format: str
    source: str | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written together. Every row fits: `events.event_row` and `outcome_row` made it."""

    events: Sequence[Row] = ()
    outcomes: Sequence[Row] = ()
    quarantined: Sequence[Quarantined] = ()

    def __len__(self) -> int:
        return len(self.events) + len(self.outcomes) + len(self.quarantined)


@dataclass(slots=True)
class Written:
    """What became of a batch: the three together are its size."""

    written: int = 0
    duplicates: int = 0
    quarantined: int = 0

    def add(self, other: Written) -> None:
        """Count the other as well."""
        self.written += other.written
        self.duplicates += other.duplicates
        self.quarantined += other.quarantined


def connect(url: str, *, application_name: str = "modelscout usage") -> psycopg.Connection[Any]:
    """Connect to the warehouse; a silent network is noticed within half a minute.

    `url` is the SQLAlchemy URL that the rest of the project takes, or a libpq one.
    """
    return psycopg.connect(
        url.replace("postgresql+psycopg://", "postgresql://", 1),
        autocommit=True,
        connect_timeout=5,
        prepare_threshold=None,  # A pooler may give each transaction another connection.
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=30_000,
        application_name=application_name,
    )


def bound_organization(connection: psycopg.Connection[Any]) -> str | None:
    """The organization whose own role this is; None for the other roles."""
    found = connection.execute("SELECT modelscout.session_organization()").fetchone()
    return None if found is None or found[0] is None else str(found[0])


def deliver(connection: psycopg.Connection[Any], batch: Batch) -> Written:
    """Write a batch; what the database refuses is put into quarantine by itself, the rest is written.

    Idempotent. Raises psycopg.Error where the database is away or refuses everything.
    """
    try:
        with connection.transaction():
            return write(connection, batch)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        whole = Written()
        for part in _parts(batch, error):
            whole.add(deliver(connection, part))
        return whole


def write(connection: psycopg.Connection[Any], batch: Batch) -> Written:
    """Write a batch in the transaction that is open, whole or not at all."""
    connection.execute(load_sql("queries/usage_stage").encode())
    _copy(connection, "usage_staged_events", batch.events)
    _copy(connection, "usage_staged_outcomes", batch.outcomes)
    _copy(connection, "usage_staged_quarantine", batch.quarantined)
    written = 0
    for organization in _organizations(batch):
        connection.execute("SELECT set_config('modelscout.organization_id', %s, true)", [organization or ""])
        if batch.events:
            written += _run(connection, "queries/usage_insert_events")
        if batch.outcomes:
            written += _run(connection, "queries/usage_insert_outcomes")
        if batch.quarantined:
            _run(connection, "queries/usage_insert_quarantine")
    known = len(batch.events) + len(batch.outcomes) - written
    return Written(written, known, len(batch.quarantined))


def quarantine_payload(record: Any, *, natural_key: str | None = None) -> tuple[str, str]:
    """A record as the JSON that quarantine keeps, and its natural key: what it holds, unless one is given.

    What is too long is kept as its beginning and its digest, and cannot be replayed.
    """
    try:
        text = json.dumps(storable(record), ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError) as error:
        text = json.dumps({f"{UNREADABLE}type": type(record).__name__, "because": str(error)})
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    if len(text) > MOST_PAYLOAD_CHARACTERS:
        text = json.dumps(
            {f"{UNREADABLE}head": text[:HEAD_CHARACTERS], "characters": len(text), "sha256": digest}
        )
    elif "NaN" in text or "Infinity" in text:
        text = _without_nan(text)
    return text, natural_key or digest


def put_aside(
    kept: Any, problem: Unfit, *, kind: str, key: str, organization: str, source: str, at: int | None
) -> Quarantined:
    """A record of an import as a row of quarantine; `key` names it, `at` is its line or row in `source`."""
    payload, natural_key = quarantine_payload(kept, natural_key=key)
    return Quarantined(organization, natural_key, problem.reason, problem.remedy, payload, kind, source, at)


def _without_nan(text: str) -> str:
    """JSON of PostgreSQL has neither NaN nor Infinity: they are kept as text."""
    return json.dumps(json.loads(text, parse_constant=str), ensure_ascii=False)


def _copy(connection: psycopg.Connection[Any], table: str, rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _run(connection: psycopg.Connection[Any], name: str) -> int:
    return max(0, connection.execute(load_sql(name).encode()).rowcount)


def _organizations(batch: Batch) -> list[str | None]:
    found: set[str | None] = {row[0] for row in batch.events}
    found.update(row[0] for row in batch.outcomes)
    found.update(row.organization_id for row in batch.quarantined)
    return sorted(found, key=lambda organization: organization or "")


def _parts(batch: Batch, error: psycopg.Error) -> Iterable[Batch]:
    """The batch in halves, down to what is refused."""
    if len(batch) == 1 and not batch.quarantined:
        kind, row = ("event", batch.events[0]) if batch.events else ("outcome", batch.outcomes[0])
        message = error.diag.message_primary or type(error).__name__
        yield Batch(quarantined=[_refused(row, kind, f"the database refuses it: {message}", _REPORT)])
    elif len(batch) == 1 and batch.quarantined[0].payload != _NOT_STORABLE:
        yield Batch(quarantined=[batch.quarantined[0]._replace(payload=_NOT_STORABLE)])
    elif len(batch) == 1:
        raise error
    else:
        yield from _halves(batch)


_NOT_STORABLE = '{"unreadable_because": "the database cannot hold the record"}'
_REPORT = "correct the value that the message names and record it again"


def _halves(batch: Batch) -> Iterable[Batch]:
    def half(rows: Sequence[Any], first: bool) -> Sequence[Any]:
        middle = (len(rows) + 1) // 2
        return rows[:middle] if first else rows[middle:]

    if not batch.outcomes and not batch.quarantined:
        yield from (Batch(events=half(batch.events, first)) for first in (True, False))
    elif batch.events:
        yield Batch(events=batch.events)
        yield Batch(outcomes=batch.outcomes, quarantined=batch.quarantined)
    elif batch.outcomes and batch.quarantined:
        yield Batch(outcomes=batch.outcomes)
        yield Batch(quarantined=batch.quarantined)
    else:
        for first in (True, False):
            yield Batch(outcomes=half(batch.outcomes, first), quarantined=half(batch.quarantined, first))


def _refused(row: Row, kind: str, reason: str, remedy: str) -> Quarantined:
    payload, natural_key = quarantine_payload(dict(zip(_NAMES[kind], row, strict=True)))
    return Quarantined(row[0], natural_key, reason, remedy, payload, kind)
