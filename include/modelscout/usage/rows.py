"""What imports and replays share: values of a record, partitions for its day, requests known at another time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from modelscout.usage.events import COLUMNS, Row, Unfit
from modelscout.usage.formats import Format, Source
from modelscout.usage.mapping import UsageMapping
from modelscout.warehouse.engine import Row as WarehouseRow
from modelscout.warehouse.engine import run_sql

_AT = COLUMNS.index("occurred_at")
_REQUEST, _ATTEMPT = COLUMNS.index("request_id"), COLUMNS.index("attempt")
_SAME_CALL = timedelta(days=1)
"""Further apart, the same request id is taken for another call."""


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


def ensure_partitions(connection: Connection, rows: Iterable[Row], known: set[date]) -> None:
    """Make the partitions of the rows' days, except the known ones, and commit.

    In a transaction of its own, because making one locks the table for a moment.
    """
    days = {date.fromisoformat(row[_AT][:10]) for row in rows} - known
    for day in sorted(days):
        connection.execute(text("SELECT modelscout.ensure_usage_partitions(:day, :day)"), {"day": day})
    connection.commit()
    known |= days


def split_closed(
    connection: Connection, events: Sequence[Imported]
) -> tuple[list[Imported], list[tuple[Imported, Unfit]]]:
    """The events to write, and those of days that are closed, each with the reason.

    Such a day's events are deleted: whether one of them is new or a redelivery nobody can tell any more.
    """
    days = [imported.row[_AT][:10] for imported in events]
    wanted = {"first_day": min(days, default=None), "last_day": max(days, default=None)}
    closed = {row["day"].isoformat() for row in run_sql(connection, "queries/usage_closed_days", wanted)}
    kept = [imported for imported, day in zip(events, days, strict=True) if day not in closed]
    late = [
        (imported, _in_closed_day(day)) for imported, day in zip(events, days, strict=True) if day in closed
    ]
    return kept, late


def _in_closed_day(day: str) -> Unfit:
    return Unfit(
        f"occurred_at lies in {day}, which is closed: its events are deleted, its rollup is final",
        "where it is no redelivery, add it by hand to the totals that you bill from",
    )


def split_moved(
    connection: Connection, events: Sequence[Imported]
) -> tuple[list[Imported], list[tuple[Imported, Unfit]]]:
    """The events to write, and those whose request is known at another time within a day, each with the reason.

    The same call exported twice with another clock, or a second call that should have had an attempt of its own: only
    a person knows. All events are of one organization.
    """
    known: dict[tuple[Any, Any], set[datetime]] = {}
    for row in _stored(connection, events):
        known.setdefault((row["request_id"], row["attempt"]), set()).add(row["occurred_at"])
    kept: list[Imported] = []
    moved: list[tuple[Imported, Unfit]] = []
    for imported in events:
        times = known.setdefault((imported.row[_REQUEST], imported.row[_ATTEMPT]), set())
        at = datetime.fromisoformat(imported.row[_AT])
        others = [] if at in times else [other for other in times if abs(other - at) <= _SAME_CALL]
        if others:
            moved.append((imported, _known_already(imported, min(others))))
        else:
            times.add(at)
            kept.append(imported)
    return kept, moved


def _stored(connection: Connection, events: Sequence[Imported]) -> list[WarehouseRow]:
    if not events:
        return []
    times = [imported.row[_AT] for imported in events]
    wanted = {
        "organization_id": events[0].row[0],
        "request_ids": list({imported.row[_REQUEST] for imported in events}),
        "first_at": min(times),
        "last_at": max(times),
    }
    # A generic plan, which a repeated statement gets, compares every row with every request: it hashes no parameter.
    connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    return run_sql(connection, "queries/usage_known_requests", wanted)


def _known_already(imported: Imported, known_at: datetime) -> Unfit:
    return Unfit(
        f"request_id {imported.row[_REQUEST]!r} is known at {known_at.astimezone(UTC).isoformat()} already",
        "the same call exported twice needs nothing; for a second call map `attempt` or another request_id",
    )
