"""The last snapshot on the disk, so that a process can start while the database is away.

Lines of JSON, as the rows came from the database, in blocks that end with the time of their knowledge: everything
first, then what each refresh read. It holds no keys and no references to them, but organizations' settings: it is its
user's alone (mode 0600). A file that others may read, or that another login wrote, is not used.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from modelscout.selection.errors import SnapshotUnavailable
from modelscout.selection.plan import Feature, Model
from modelscout.selection.planner import Planner
from modelscout.selection.rows import FeatureRow, OrganizationRow, feature_of, model_of
from modelscout.selection.snapshot import Snapshot, SnapshotBuilder

FORMAT = "modelscout snapshot 1"
logger = logging.getLogger(__name__)


class SnapshotFile:
    """One file for one database login. Written by one thread; processes that share it replace it whole."""

    def __init__(self, path: Path, url: str) -> None:
        """`url` is the warehouse's; its password is not used."""
        from psycopg.conninfo import conninfo_to_dict

        self.path = path
        parts = conninfo_to_dict(url.replace("postgresql+psycopg://", "postgresql://", 1))
        self._login = [str(parts.get(name) or "") for name in ("user", "host", "port", "dbname")]
        self._file: TextIO | None = None
        self._new: Path | None = None

    def begin(self) -> None:
        """Start a new file beside the old one, which stays until the first block is whole."""
        self.close()
        with self._not_raising():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Readable by its owner only, from the first byte on.
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f"{self.path.name}.")
            self._file, self._new = os.fdopen(descriptor, "w", encoding="utf-8"), Path(name)
        self.tell("header", [FORMAT, *self._login])

    def tell(self, kind: str, row: Sequence[Any]) -> None:
        """Add a row to what was begun; nothing where nothing was."""
        with self._not_raising():
            if self._file is not None:
                self._file.write(json.dumps([kind, *row], separators=(",", ":")) + "\n")

    def end_block(self, known_at_s: float, anew: Iterable[str] = ()) -> None:
        """The rows since the last block are whole; `anew` are the organizations that they replace."""
        self.tell("anew", list(anew))
        self.tell("known_at", [known_at_s])
        with self._not_raising():
            if self._file is not None:
                self._file.flush()
                if self._new is not None:
                    os.fsync(self._file.fileno())
                    self._new.replace(self.path)
                    self._new = None

    @contextlib.contextmanager
    def _not_raising(self) -> Iterator[None]:
        """A disk that is full must not stop what is in memory from being fresh."""
        try:
            yield
        except OSError as error:
            logger.warning("the snapshot file %s cannot be written: %s", self.path, error.strerror)
            self._file = None
            self.close()

    def close(self) -> None:
        """Stop writing; what was begun and is not whole is gone."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
        if self._new is not None:
            with contextlib.suppress(OSError):
                self._new.unlink()
            self._new = None

    def read(self) -> Snapshot:
        """The newest whole snapshot in the file. Raises SnapshotUnavailable that says what is wrong with it."""
        try:
            with self._open() as file:
                snapshot = self._snapshot(_lines(file))
        except OSError as error:
            raise SnapshotUnavailable(f"{self.path} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise SnapshotUnavailable(f"{self.path} is no snapshot file ({error}): delete it") from error
        if snapshot is None:
            raise SnapshotUnavailable(f"{self.path} holds no whole snapshot: delete it")
        return snapshot

    def _open(self) -> TextIO:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW)
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            os.close(descriptor)
            raise SnapshotUnavailable(
                f"{self.path} is not its user's alone: delete it, or chmod 600 if it is yours"
            )
        return os.fdopen(descriptor, encoding="utf-8")

    def _snapshot(self, lines: Iterator[list[Any]]) -> Snapshot | None:
        header = next(lines, None)
        if header != ["header", FORMAT, *self._login]:
            raise SnapshotUnavailable(
                f"{self.path} was written for another login or by another version: give each login a file of its own"
            )
        reader = _Reader()
        for kind, *row in lines:
            reader.take(kind, row)
        return reader.snapshot


class _Reader:
    """Makes the snapshot of the last whole block."""

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self._models: list[Model] = []
        self._features: list[Feature] = []
        self._anew: list[str] = []
        self._rows: list[OrganizationRow | FeatureRow] = []

    def take(self, kind: str, row: list[Any]) -> None:
        if kind == "model":
            self._models.append(model_of(row))
        elif kind == "feature":
            self._features.append(feature_of(row))
        elif kind == "organization":
            self._rows.append(OrganizationRow(*row))
        elif kind == "setting":
            self._rows.append(FeatureRow(*row))
        elif kind == "anew":
            self._anew = row
        elif kind == "known_at":
            self._end_block(float(row[0]))

    def _end_block(self, known_at_s: float) -> None:
        if self.snapshot is None:
            planner = Planner({m.id: m for m in self._models}, {f.id: f for f in self._features})
            builder = SnapshotBuilder(planner)
        else:
            builder = SnapshotBuilder(self.snapshot.planner, self.snapshot, without=self._anew)
        builder.add_all(self._rows)
        self.snapshot, self._rows = builder.build(known_at_s), []


def _lines(file: TextIO) -> Iterator[list[Any]]:
    """Every line; a last one without its end was being written when the process died."""
    for line in file:
        if line.endswith("\n"):
            yield json.loads(line)
