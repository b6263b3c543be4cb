"""Takes a file of usage into the warehouse. Started again after any interruption, it goes on where it was.

Each batch is one transaction: its events, its quarantine and how far the file is read. A kill at any instant therefore
leaves whole batches, and a second run adds the rest.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy import Connection, Engine

from modelscout.core.errors import ConfigurationError
from modelscout.usage.events import FUTURE_TOLERANCE, Row, Unfit, event_row
from modelscout.usage.formats import Format, format_named, wanted_fields
from modelscout.usage.lines import Place
from modelscout.usage.mapping import UsageMapping
from modelscout.usage.reading import Piece, columns_of, read_pieces
from modelscout.usage.rows import Imported, ensure_partitions, event_values, split_closed, split_moved
from modelscout.usage.store import Batch, Quarantined, deliver, put_aside
from modelscout.warehouse.engine import run_sql

BATCH_ROWS = 5_000


@dataclass(frozen=True)
class ImportRequest:
    """One file for one organization."""

    path: Path
    organization: str
    """Slug or id."""
    format: str
    mapping: UsageMapping = field(default_factory=UsageMapping)
    again: bool = False
    """Read it from the beginning although it was taken in already; what is there is counted as a duplicate."""


@dataclass(slots=True)
class ImportReport:
    """rows_read = rows_written + rows_duplicate + rows_quarantined + rows_ignored; of all runs of this import."""

    source: str
    format: str
    organization: str
    rows_read: int = 0
    rows_written: int = 0
    """On a dry run: what would be written, unless it is there already."""
    rows_duplicate: int = 0
    rows_quarantined: int = 0
    rows_ignored: int = 0
    """Spans that are no call of a model, answers from LiteLLM's own cache."""
    resumed_at: int = 0
    """Line or row after which this run went on."""
    already_finished: bool = False
    dry_run: bool = False
    problems: dict[str, int] = field(default_factory=dict)
    """Of this run: how often each remedy was needed."""


Progress = Callable[[int, int | None], None]
"""Takes rows read so far and the percentage of the file, None where that is not known."""


class _State(NamedTuple):
    """Where an import stands."""

    key: dict[str, Any]
    place: Place
    finished: bool


def import_file(
    engine: Engine, request: ImportRequest, *, now: datetime, progress: Progress | None = None
) -> ImportReport:
    """Take a file in. Raises ConfigurationError where the file, the mapping or the organization is wrong."""
    kind = _checked(request)
    with engine.begin() as connection:
        organization = organization_id(connection, request.organization)
        digest = _file_digest(request.path)
        report = _new_report(request)
        state = _begin(connection, request, kind, organization, digest, now, report)
    if state.finished:
        report.already_finished = True
        return report
    report.resumed_at = state.place.line
    known_days: set[date] = set()
    for rows in _batches(request, kind, organization, digest, now, state.place):
        with engine.connect() as connection:
            ensure_partitions(connection, (imported.row for imported in rows.events), known_days)
            _write(connection, state, rows, report, now)
        state = state._replace(place=rows.after)
        if progress is not None:
            progress(report.rows_read, _percent(request.path, rows.after))
    return report


def check_file(request: ImportRequest, *, now: datetime) -> ImportReport:
    """Read and check a file without a warehouse: what `import_file` would find, duplicates left aside."""
    kind = _checked(request)
    report = _new_report(request)
    report.dry_run = True
    nobody = str(UUID(int=0))
    for rows in _batches(request, kind, nobody, _file_digest(request.path), now, Place()):
        _count(report, rows, written=len(rows.events), duplicates=0, aside=len(rows.quarantined))
    return report


def organization_id(connection: Connection, name: str) -> str:
    """Id of an organization by its slug or id. Raises ConfigurationError."""
    found = run_sql(connection, "queries/usage_organization", {"name": name})
    if not found:
        raise ConfigurationError(f"organization={name!r} is unknown: give the slug of a row of organizations")
    return str(found[0]["id"])


def _checked(request: ImportRequest) -> Format:
    kind = format_named(request.format)
    if not request.path.is_file():
        raise ConfigurationError(f"FILE={str(request.path)!r} is no file: give the file to import")
    columns = columns_of(request.path, kind)
    if columns is not None:
        request.mapping.check_columns(columns)
    return kind


def _new_report(request: ImportRequest) -> ImportReport:
    return ImportReport(str(request.path), request.format, request.organization)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _begin(
    connection: Connection,
    request: ImportRequest,
    kind: Format,
    organization: str,
    digest: str,
    now: datetime,
    report: ImportReport,
) -> _State:
    key = {
        "organization_id": organization,
        "file_digest": digest,
        "mapping_digest": hashlib.sha256(f"{kind.name} {request.mapping.digest}".encode()).hexdigest(),
    }
    start = key | {"format": kind.name, "source": str(request.path), "now": now}
    [row] = run_sql(connection, "queries/usage_import_begin", start)
    if request.again:
        run_sql(connection, "queries/usage_import_again", key | {"now": now})
        [row] = run_sql(connection, "queries/usage_import_begin", start)
    for name in ("rows_read", "rows_written", "rows_duplicate", "rows_quarantined", "rows_ignored"):
        setattr(report, name, row[name])
    return _State(key, Place(row["position"], row["line"]), row["finished_at"] is not None)


@dataclass(slots=True)
class _Rows:
    """One batch."""

    after: Place
    events: list[Imported] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    ignored: int = 0
    last: bool = False

    def __len__(self) -> int:
        return len(self.events) + len(self.quarantined) + self.ignored


def _batches(
    request: ImportRequest, kind: Format, organization: str, digest: str, now: datetime, start: Place
) -> Iterator[_Rows]:
    """The file from `start` on in batches; the last one, which may be empty, is marked."""
    rows = _Rows(start)
    reader = _Reader(kind, request.mapping, organization, digest, str(request.path), now + FUTURE_TOLERANCE)
    for piece in read_pieces(request.path, kind, start):
        reader.add(piece, rows)
        if len(rows) >= BATCH_ROWS:
            yield rows
            rows = _Rows(piece.after)
    rows.last = True
    yield rows


class _Reader:
    """Turns pieces of one file into rows."""

    def __init__(
        self,
        kind: Format,
        mapping: UsageMapping,
        organization: str,
        digest: str,
        source: str,
        latest: datetime,
    ) -> None:
        self._kind = kind
        self._mapping = mapping
        self._organization = organization
        self._digest = digest
        self._source = source
        self._latest = latest
        self._wanted = wanted_fields(mapping)

    def add(self, piece: Piece, rows: _Rows) -> None:
        """Put every record of the piece where it belongs."""
        rows.after = piece.after
        for index, record in enumerate(piece.records):
            key = f"{self._digest[:32]}:{piece.at}" + (f":{index}" if index else "")
            kept: Any = None
            try:
                if isinstance(record, Unfit):
                    kept = self._kept_text(piece)
                    raise record
                kept = self._kind.keep(record, self._organization, self._wanted)
                row = self._row(kept, key)
            except Unfit as unfit:
                rows.quarantined.append(self._aside(kept, key, piece.at, unfit))
                continue
            if row is None:
                rows.ignored += 1
            else:
                rows.events.append(Imported(row, kept, key, piece.at))

    def _row(self, kept: Any, key: str) -> Row | None:
        values = event_values(self._kind, self._mapping, kept, key=key, organization=self._organization)
        return None if values is None else event_row(values, self._latest)

    def _kept_text(self, piece: Piece) -> dict[str, Any]:
        return (
            {"unreadable_line": piece.text}
            if self._kind.keeps_text
            else {"unreadable_characters": len(piece.text)}
        )

    def _aside(self, kept: Any, key: str, at: int, unfit: Unfit) -> Quarantined:
        return put_aside(
            kept,
            unfit,
            kind=self._kind.name,
            key=key,
            organization=self._organization,
            source=self._source,
            at=at,
        )


def _write(connection: Connection, state: _State, rows: _Rows, report: ImportReport, now: datetime) -> None:
    raw: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    source = report.source
    with connection.begin():
        open_days, late = split_closed(connection, rows.events)
        events, moved = split_moved(connection, open_days)
        rows.quarantined += [
            put_aside(
                m.source, unfit, kind=report.format, key=m.key, organization=m.row[0], source=source, at=m.at
            )
            for m, unfit in (*late, *moved)
        ]
        rows.events = events
        done = deliver(raw, Batch([imported.row for imported in events], (), rows.quarantined))
        change = {
            "position": rows.after.position,
            "line": rows.after.line,
            "rows_read": len(rows),
            "rows_written": done.written,
            "rows_duplicate": done.duplicates,
            "rows_quarantined": done.quarantined,
            "rows_ignored": rows.ignored,
            "finished": rows.last,
            "position_before": state.place.position,
            "now": now,
        }
        if not run_sql(connection, "queries/usage_import_advance", state.key | change):
            raise ConfigurationError(
                f"{source}: another process is taking this file in: let it finish, then start again"
            )
    _count(report, rows, written=done.written, duplicates=done.duplicates, aside=done.quarantined)


def _count(report: ImportReport, rows: _Rows, *, written: int, duplicates: int, aside: int) -> None:
    report.rows_read += len(rows)
    report.rows_written += written
    report.rows_duplicate += duplicates
    report.rows_quarantined += aside
    report.rows_ignored += rows.ignored
    problems = Counter(report.problems)
    problems.update(q.remedy for q in rows.quarantined)
    if aside > len(rows.quarantined):
        problems["see the reasons in ai_usage_quarantine"] += aside - len(rows.quarantined)
    report.problems = dict(problems.most_common(20))


def _percent(path: Path, after: Place) -> int | None:
    """Where positions are bytes: those of rows equal their line."""
    return None if after.position == after.line else after.position * 100 // path.stat().st_size
