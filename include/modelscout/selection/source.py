"""Reads what a snapshot is made of from the warehouse, in small slices: `select` goes on meanwhile.

Three kinds of login, told apart when connecting. An organization's own role sees its rows. The pipeline sees all. The
application's trusted role is told which organizations it serves and scopes one transaction to each of them.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.rows import args_row

from modelscout.core.clock import Clock
from modelscout.core.errors import ConfigurationError
from modelscout.selection.changes import EVERYBODY, Changes, Loaded, Rows
from modelscout.selection.planner import Planner
from modelscout.selection.rows import FeatureRow, OrganizationRow, feature_of, model_of
from modelscout.selection.snapshot import Snapshot, SnapshotBuilder
from modelscout.usage.store import connect
from modelscout.warehouse.sqlfiles import load_sql

APPLICATION_NAME = "modelscout selection"
"""Of the connection, by which the processes of a login are counted."""
SLICE_ROWS = 100
"""Fetched at once."""
BREATH_ROWS = 10
"""Taken in at once, in about half a millisecond; then threads that wait have their turn."""
SCOPED_AT_ONCE = 50
"""Organizations whose transactions are sent together."""


class WarehouseSource:
    """One connection's view of the warehouse. Used by one thread."""

    def __init__(self, url: str, organizations: Callable[[], Sequence[str]] | None, clock: Clock) -> None:
        """Connect. `organizations` gives the ids that an application serves.

        Raises psycopg.OperationalError where the database is away, ConfigurationError where the login is of no use.
        """
        self.connection: psycopg.Connection[Any] = connect(url, application_name=APPLICATION_NAME)
        self._organizations = organizations
        self._clock = clock
        self.pause_s = 0.0
        """After a few rows each: 0 while nobody waits for a turn."""
        row = self.connection.execute(
            "SELECT modelscout.session_organization()::text, "
            "pg_has_role(session_user, 'modelscout_pipeline', 'USAGE')"
        ).fetchone()
        own, sees_all = row if row is not None else (None, False)
        self._scoped = own is None and not sees_all
        if self._scoped and organizations is None:
            self.connection.close()
            raise ConfigurationError(
                "this login sees one organization at a time: give `organizations`, the ids that the application serves"
            )

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def processes(self) -> int:
        """How many connections such as this one the login has: one for each process that keeps a snapshot."""
        row = self.connection.execute(
            "SELECT count(*) FROM pg_stat_activity AS a WHERE a.usename = session_user "
            "AND a.datname = current_database() AND a.application_name = %s",
            [APPLICATION_NAME],
        ).fetchone()
        return max(1, int(row[0])) if row is not None else 1

    def wait(self, seconds: float, interrupt: socket.socket) -> bool:
        """Wait for a change to be told, or until `interrupt` can be read; False where none was told."""
        # What was told while something else was read is here already.
        if self._told_of_change():
            return True
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.connection.fileno(), selectors.EVENT_READ)
            waiting.register(interrupt, selectors.EVENT_READ)
            waiting.select(seconds)
        return self._told_of_change()

    def _told_of_change(self) -> bool:
        return bool(list(self.connection.notifies(timeout=0)))

    def load(self, tell: Rows | None = None) -> Loaded:
        """Read everything. `tell` hears every row, for the snapshot file."""
        now = self._now()
        planner = Planner(
            {m.id: m for m in map(model_of, self._told("selection_models", "model", tell))},
            {f.id: f for f in map(feature_of, self._told("selection_known_features", "feature", tell))},
        )
        builder = SnapshotBuilder(planner)
        self._read(builder, None if self._organizations is None else self._served(), tell)
        planner.forget_questions()
        return Loaded(builder.build(now.at_s), now.seen)

    def changes(self, last: Loaded) -> Changes:
        """What committed since `last`."""
        now = self._now()
        rows = self.connection.execute(
            "SELECT DISTINCT v.slot FROM selection_versions AS v WHERE v.changed_in >= "
            "pg_snapshot_xmin(%(seen)s::pg_snapshot) AND NOT pg_visible_in_snapshot(v.changed_in, %(seen)s)",
            {"seen": last.seen},
        ).fetchall()
        return now._replace(slots=frozenset(slot for (slot,) in rows))

    def load_changed(self, last: Loaded, changes: Changes, tell: Rows | None = None) -> Loaded:
        """`last` with the organizations of the changed slots read anew; models and features stay."""
        slots = changes.slots - {EVERYBODY}
        if not slots:
            return Loaded(last.snapshot.at(changes.at_s), changes.seen)
        wanted = self._in_slots(slots, last.snapshot)
        anew = {o for o in last.snapshot.organizations if slot_of(o) in slots}
        builder = SnapshotBuilder(last.snapshot.planner, last.snapshot, without=anew)
        self._read(builder, wanted, tell)
        return Loaded(builder.build(changes.at_s), changes.seen, tuple(sorted(anew.union(wanted))))

    def _now(self) -> Changes:
        """The state of the database, taken before anything is read: what commits meanwhile is read again."""
        at_s = self._clock().timestamp()
        row = self.connection.execute("SELECT pg_current_snapshot()::text").fetchone()
        return Changes(frozenset(), str(row[0]) if row is not None else "", at_s)

    def _served(self) -> list[str]:
        return [] if self._organizations is None else list(self._organizations())

    def _in_slots(self, slots: frozenset[int], snapshot: Snapshot) -> list[str]:
        """Organizations of these slots, new ones included as far as this login may know of them."""
        if self._organizations is not None:
            return [o for o in self._served() if slot_of(o) in slots]
        known = [o for o in snapshot.organizations if slot_of(o) in slots]
        found = self.connection.execute(
            "SELECT DISTINCT k.organization_id::text FROM modelscout.callable_providers() AS k "
            "WHERE modelscout.selection_slot(k.organization_id) = ANY(%(slots)s) UNION "
            "SELECT DISTINCT s.organization_id::text FROM ai_feature_settings AS s "
            "WHERE modelscout.selection_slot(s.organization_id) = ANY(%(slots)s)",
            {"slots": sorted(slots)},
        ).fetchall()
        return sorted({*known, *(o for (o,) in found)})

    def _read(self, builder: SnapshotBuilder, wanted: list[str] | None, tell: Rows | None) -> None:
        rows = self._read_scoped(wanted or []) if self._scoped else self._read_at_once(wanted)
        builder.add_all(rows if tell is None else _overheard(rows, tell))

    def _read_at_once(self, wanted: list[str] | None) -> Iterator[OrganizationRow | FeatureRow]:
        values = {"organizations": wanted, "now": self._clock()}
        with self.connection.transaction():
            yield from self._slices("selection_organizations", values, OrganizationRow)
            yield from self._slices("selection_features", values, FeatureRow)

    def _slices(self, name: str, values: dict[str, Any], shape: Callable[..., Any]) -> Iterator[Any]:
        """Rows by a cursor of the server: neither side holds them all."""
        with self.connection.cursor(name, row_factory=args_row(shape)) as cursor:
            cursor.execute(statement(name), values)
            while rows := cursor.fetchmany(SLICE_ROWS):
                yield from self._breathing(rows)

    def _breathing(self, rows: Sequence[Any]) -> Iterator[Any]:
        """The rows, with a pause after a few where somebody may be waiting."""
        for number, row in enumerate(rows, 1):
            yield row
            if self.pause_s and number % BREATH_ROWS == 0:
                time.sleep(self.pause_s)

    def _read_scoped(self, wanted: list[str]) -> Iterator[OrganizationRow | FeatureRow]:
        """One transaction per organization, scoped to it; many are under way on the connection at once."""
        for begin in range(0, len(wanted), SCOPED_AT_ONCE):
            with self.connection.pipeline():
                asked = [
                    cursor
                    for organization in wanted[begin : begin + SCOPED_AT_ONCE]
                    for cursor in self._ask_scoped(organization)
                ]
            for cursor in asked:
                yield from self._breathing(cursor.fetchall())
                cursor.close()
            time.sleep(self.pause_s)

    def _ask_scoped(self, organization: str) -> list[psycopg.Cursor[Any]]:
        """Send one organization's transaction. Written out: the driver's own waits for each to begin and to end."""
        self.connection.execute("BEGIN READ ONLY")
        self.connection.execute("SELECT set_config('modelscout.organization_id', %s, true)", [organization])
        # The scope narrows by itself; the statement stays the same for all and is planned once.
        values = {"organizations": None, "now": self._clock()}
        asked = [
            self._ask("selection_organizations", values, OrganizationRow),
            self._ask("selection_features", values, FeatureRow),
        ]
        self.connection.execute("COMMIT")
        return asked

    def _ask(self, name: str, values: dict[str, Any], shape: Callable[..., Any]) -> psycopg.Cursor[Any]:
        cursor = self.connection.cursor(row_factory=args_row(shape))
        cursor.execute(statement(name), values, prepare=True)
        return cursor

    def _told(self, name: str, kind: str, tell: Rows | None) -> list[Sequence[Any]]:
        rows: list[Sequence[Any]] = self.connection.execute(statement(name)).fetchall()
        for row in rows if tell is not None else ():
            tell(kind, row)  # type: ignore[misc]
        return rows


def _overheard(
    rows: Iterator[OrganizationRow | FeatureRow], tell: Rows
) -> Iterator[OrganizationRow | FeatureRow]:
    for row in rows:
        tell("organization" if isinstance(row, OrganizationRow) else "setting", row)
        yield row


def slot_of(organization_id: str) -> int:
    """As modelscout.selection_slot: the last ten bits of the id."""
    return int(organization_id[-4:], 16) & 1023


@lru_cache(maxsize=16)
def statement(name: str) -> bytes:
    """A file of sql/queries with its parameters as psycopg writes them."""
    text = load_sql(f"queries/{name}").replace("%", "%%").rstrip().rstrip(";")
    return re.sub(r"(?<!:):([a-z_]+)", r"%(\1)s", text).encode()
