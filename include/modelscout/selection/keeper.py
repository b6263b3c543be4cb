"""Keeps a snapshot fresh in the background: told by the database at once, and asking every few seconds besides.

One thread, one connection. While the database is away the last snapshot serves on, its age says so, and the thread
tries again. It starts from the snapshot file where that is fresh enough, or where the database is away.
"""

from __future__ import annotations

import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import UUID

from modelscout.core.clock import Clock
from modelscout.core.clock import now as current_time
from modelscout.core.errors import ConfigurationError
from modelscout.core.forking import begins_anew_in_a_child
from modelscout.selection.changes import CHANNEL, EVERYBODY, Changes, Loaded
from modelscout.selection.errors import SnapshotUnavailable
from modelscout.selection.snapshot import Snapshot
from modelscout.selection.snapshot_file import SnapshotFile

if TYPE_CHECKING:
    from modelscout.selection.source import WarehouseSource

logger = logging.getLogger(__name__)
PAUSE_S = 0.0005
"""After a few rows each that are read in the background."""


Organizations = Sequence[str | UUID] | Callable[[], Sequence[str | UUID]]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperOptions:
    """How a snapshot is kept. The defaults fit a web application's process."""

    organizations: Organizations | None = None
    """Ids that an application serves, under the role `modelscout_application`; None under the other roles."""
    file: Path | None = None
    """Where the last snapshot is kept; None keeps none, and the process cannot start while the database is away."""
    file_at_once_s: float = 3600.0
    """A file at most so old is started from at once, while the database is read in the background; 0: never."""
    poll_s: float = 5.0
    """How often it asks what changed, where it was told nothing: notifications do not pass every pooler."""
    everything_s: float = 600.0
    """How often it reads everything anew: spend against budgets changes without a notification."""
    gather_s: float = 0.05
    """How long it waits for more after it was told of a change."""
    between_full_s: float = 10.0
    """Pause between two reads of everything, where a nightly run changes models all the time."""
    retry_s: float = 2.0
    """Pause between two tries to reach a database that is away."""


class SnapshotKeeper:
    """Holds the newest snapshot. `start` it once per process; in a forked child it starts anew by itself."""

    snapshot: Snapshot
    """The newest one; set by `start`. One reference: whoever selects sees the old one or the new one whole."""

    processes: int = 1
    """How many processes keep a snapshot under the same login, this one included, as last seen."""

    def __init__(self, url: str, options: KeeperOptions | None = None, clock: Clock = current_time) -> None:
        """`url` is the warehouse's SQLAlchemy or libpq URL, for any of the three kinds of login."""
        self._url = url
        self._options = options or KeeperOptions()
        self._clock = clock
        self._file = SnapshotFile(self._options.file, url) if self._options.file is not None else None
        self._stop = threading.Event()
        self._interrupt = socket.socketpair()
        self._thread: threading.Thread | None = None
        self._source: WarehouseSource | None = None
        self._loaded: Loaded | None = None
        self._all_at = -math.inf
        self._away = False
        self._is_kept = False
        begins_anew_in_a_child(self)
        self._models_changed = False

    def start(self) -> Self:
        """Read the file where it is fresh enough, else everything, and keep it fresh from then on.

        Raises SnapshotUnavailable where neither is to be had, ConfigurationError where the login is of no use.
        """
        import psycopg

        if self._start_at_once():
            self._start_thread()
            return self
        try:
            self._connect()
        except (psycopg.OperationalError, psycopg.InterfaceError) as away:
            self._disconnect()
            self._start_from_file(away)
        except psycopg.Error as error:
            self._disconnect()
            raise SnapshotUnavailable(
                f"this login cannot read what selection needs ({_first_line(error)}): run `modelscout db upgrade`, "
                "and make it a member of modelscout_application or modelscout_organization"
            ) from error
        self._start_thread()
        return self

    def close(self) -> None:
        """Stop refreshing; the last snapshot stays."""
        self._is_kept = False
        self._stop.set()
        self._interrupt[1].send(b"!")
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # Starting

    def _start_thread(self) -> None:
        self._is_kept = True
        self._stop = threading.Event()
        self._interrupt = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="modelscout-snapshot", daemon=True)
        self._thread.start()

    def _start_at_once(self) -> bool:
        """Whether the file is there and fresh enough; what is wrong with it matters where nothing else is to be had."""
        if self._file is None or self._options.file_at_once_s <= 0:
            return False
        try:
            found = self._file.read()
        except SnapshotUnavailable:
            return False
        if self._clock().timestamp() - found.known_at_s > self._options.file_at_once_s:
            return False
        self.snapshot = found
        return True

    def _start_from_file(self, away: Exception) -> None:
        reason = _first_line(away)
        if self._file is None:
            raise SnapshotUnavailable(
                f"the warehouse does not answer ({reason}) and there is no snapshot file to start from: "
                "give KeeperOptions.file, or try again"
            ) from away
        try:
            self.snapshot = self._file.read()
        except SnapshotUnavailable as unreadable:
            raise SnapshotUnavailable(f"the warehouse does not answer ({reason}); {unreadable}") from away
        self._away = True
        age_s = self._clock().timestamp() - self.snapshot.known_at_s
        logger.warning("the database is away (%s): selection starts from a file %.0f s old", reason, age_s)

    def after_fork(self) -> None:
        """In a forked child: the connection is the parent's, and must not be closed here."""
        if not self._is_kept:
            return
        _LEFT_TO_THE_PARENT.append((self._source, self._file))
        self._source, self._loaded, self._file = None, None, None
        self._start_thread()

    # The thread

    def _run(self) -> None:
        import psycopg

        away = self._away
        while not self._stop.is_set():
            try:
                source = self._source or self._connect()
                if away:
                    logger.warning("the database is there: selection goes by what it says now")
                    away = False
                if self._wait(source):
                    self._refresh(source)
            except (psycopg.Error, ConfigurationError) as error:
                if not away:
                    logger.warning(
                        "selection goes by what it knows, the database is away: %s", _first_line(error)
                    )
                away = True
                self._disconnect()
                self._stop.wait(self._options.retry_s)
        self._disconnect()

    def _connect(self) -> WarehouseSource:
        # The driver takes longer to load than everything else here.
        from modelscout.selection.source import WarehouseSource

        self._source = WarehouseSource(self._url, self._served(), self._clock)
        # At the start nobody selects yet.
        self._source.pause_s = PAUSE_S if self._thread is not None else 0.0
        # Listening comes before reading: what commits in between is told.
        self._source.connection.execute(f"LISTEN {CHANNEL}".encode())
        self._load(self._source)
        self.processes = self._source.processes()
        self._source.pause_s = PAUSE_S
        return self._source

    def _served(self) -> Callable[[], list[str]] | None:
        given = self._options.organizations
        if given is None:
            return None
        return lambda: _ids(given)

    def _wait(self, source: WarehouseSource) -> bool:
        """Until a change is told or it is time to ask; False where it is to stop."""
        if source.wait(self._options.poll_s, self._interrupt[0]):
            # More may come with it.
            self._stop.wait(self._options.gather_s)
        return not self._stop.is_set()

    def _refresh(self, source: WarehouseSource) -> None:
        """What changed, or everything where that is due."""
        if self._loaded is None:
            return
        self.processes = source.processes()
        changes = source.changes(self._loaded)
        self._models_changed = self._models_changed or EVERYBODY in changes.slots
        age_s = time.monotonic() - self._all_at
        wanted_s = self._options.between_full_s if self._models_changed else self._options.everything_s
        if age_s >= wanted_s:
            self._load(source)
        else:
            self._load_changed(source, self._loaded, changes)

    def _load(self, source: WarehouseSource) -> None:
        self._models_changed = False
        if self._file is not None:
            self._file.begin()
        self._loaded = source.load(self._file.tell if self._file is not None else None)
        self.snapshot = self._loaded.snapshot
        self._all_at = time.monotonic()
        if self._file is not None:
            self._file.end_block(self.snapshot.known_at_s)

    def _load_changed(self, source: WarehouseSource, last: Loaded, changes: Changes) -> None:
        self._loaded = source.load_changed(last, changes, self._file.tell if self._file is not None else None)
        self.snapshot = self._loaded.snapshot
        if self._file is not None and self._loaded.anew:
            self._file.end_block(self.snapshot.known_at_s, self._loaded.anew)

    def _disconnect(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()


def _ids(given: Organizations) -> list[str]:
    try:
        return [str(o) for o in (given() if callable(given) else given)]
    except Exception as error:  # noqa: BLE001  # The application's own function must not end the thread.
        raise ConfigurationError(
            f"organizations cannot be listed ({_first_line(error)}): mend the function"
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


_LEFT_TO_THE_PARENT: list[object] = []
