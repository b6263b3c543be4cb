"""What imports and replays share: values of a record, partitions for its day, requests known at another time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Connection, text

from modelscout.usage.events import COLUMNS, Row
from modelscout.usage.formats import Format, Source
from modelscout.usage.mapping import UsageMapping
from modelscout.usage.store import Batch, Quarantined, quarantine_payload
from modelscout.warehouse.sqlfiles import load_sql

_AT = COLUMNS.index("occurred_at")
_KEY = tuple(COLUMNS.index(name) for name in ("organization_id", "request_id", "attempt", "occurred_at"))


class Imported(NamedTuple):
    """A row and the record it was made of."""

    row: Row
    source: Source
    key: str
    """Names the record in quarantine."""
    at: int | None
    """Line or row of the file."""


def event_values(
    kind: Format, mapping: UsageMapping, source: Source, *, key: str, organization: str
) -> list[Any] | None:
    """A record's values in the order of COLUMNS; None where it is no call of a model. Raises Unfit."""
    fields = kind.fields(source)
    if fields is None:
        return None
    values = mapping.apply(source, fields, key=key, salt=organization)
    values[0] = organization
    return values


def key_of(row: Row) -> tuple[Any, ...]:
    """The natural key of an event."""
    return tuple(row[column] for column in _KEY)


def ensure_partitions(connection: Connection, rows: Iterable[Row], known: set[date]) -> None:
    """Make the partitions of the rows' days, except the known ones, and commit.

    In a transaction of its own, because making one locks the table for a moment.
    """
    days = {date.fromisoformat(row[_AT][:10]) for row in rows} - known
    for day in sorted(days):
        connection.execute(text("SELECT modelscout.ensure_usage_partitions(:day, :day)"), {"day": day})
    connection.commit()
    known |= days


def take_moved(
    connection: psycopg.Connection[Any],
    batch: Batch,
    origins: Mapping[tuple[Any, ...], Imported],
    kind: str,
    source: str | None,
) -> list[Quarantined]:
    """Take the staged events out whose request is known at another time within a day, each with its reason."""
    found = connection.execute(load_sql("queries/usage_take_moved").encode()).fetchall()
    return [
        _moved(origins[key_of(batch.events[ordinal])], known_at, kind, source) for ordinal, known_at in found
    ]


def _moved(imported: Imported, known_at: Any, kind: str, source: str | None) -> Quarantined:
    payload, natural_key = quarantine_payload(imported.source, natural_key=imported.key)
    return Quarantined(
        str(imported.row[0]),
        natural_key,
        f"request_id {imported.row[_KEY[1]]!r} is known at {known_at.isoformat()} already",
        "the same call exported twice needs nothing; for a second call map `attempt` or another request_id",
        payload,
        kind,
        source,
        imported.at,
    )
