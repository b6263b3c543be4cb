"""Records on disk while the database is away: segment files of frames, each with its length and checksum.

A frame is MAGIC, the payload's length, the number of records and the payload's CRC-32 (big-endian), then the payload:
a JSON array of records. Segments are delivered in the order of their names and deleted afterwards. Each is locked while
somebody writes or delivers it (flock), and a lock dies with its process: what a killed process left is delivered by
the next one that uses the folder. Delivering twice is harmless, because the warehouse knows each event by its key.

What is written survives the death of the process at once; of the machine, once it is flushed to the disk (fsync), which
happens at the end of a segment and every second in between.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import time
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

MAGIC = b"\xabMS1"
"""No payload holds it: they are ASCII."""
_HEADER = struct.Struct(">4sIII")
SUFFIX = ".spill"
FSYNC_EVERY_S = 1.0

Record = Sequence[Any]
"""Kind (`event` or `outcome`) and values."""


class Frame(NamedTuple):
    """What was written together; `damaged` counts records that cannot be read any more."""

    records: list[Record]
    damaged: int = 0


class Segment(NamedTuple):
    """A segment that this process holds the lock of."""

    path: Path
    descriptor: int

    def frames(self) -> Iterator[Frame]:
        """All frames in their order; what a torn write or a bad disk left is skipped and counted."""
        return _frames(self.path.read_bytes())

    def delete(self) -> None:
        """Delete the file and let go of it."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)

    def release(self) -> None:
        """Let go of it; it stays for the next try."""
        os.close(self.descriptor)


class Spill:
    """The segments of one process in a folder that several may share. One thread at a time."""

    def __init__(self, folder: Path, *, limit_bytes: int, segment_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._segment_bytes = segment_bytes
        self._closed: deque[Segment] = deque()
        self._delivering: Segment | None = None
        self._active: Segment | None = None
        self._active_bytes = 0
        self._synced_at = 0.0
        self._last_ns = 0

    def is_empty(self) -> bool:
        """Whether nothing of this process waits on the disk."""
        return self._active is None and not self._closed

    def append(self, records: Sequence[Record]) -> int:
        """Write records behind all others; returns how many old ones had to go for them. Raises OSError."""
        frame = encode(records)
        if self._active is None:
            self._last_ns = max(time.time_ns(), self._last_ns + 1)
            self._active = self._create(self._last_ns)
            self._active_bytes = 0
        _write_all(self._active.descriptor, frame)
        self._active_bytes += len(frame)
        if time.monotonic() - self._synced_at > FSYNC_EVERY_S:
            os.fsync(self._active.descriptor)
            self._synced_at = time.monotonic()
        if self._active_bytes < self._segment_bytes:
            return 0
        self.rotate()
        return self._make_room()

    def prepend(self, batches: Sequence[Sequence[Record]]) -> None:
        """Write batches before all others of this process. Raises OSError."""
        if not batches:
            return
        if not self._closed:
            self.rotate()
        stamp = int(self._closed[0].path.name.partition("-")[0]) - 1 if self._closed else time.time_ns()
        self._last_ns = max(self._last_ns, stamp)
        segment = self._create(stamp)
        try:
            for records in batches:
                _write_all(segment.descriptor, encode(records))
            os.fsync(segment.descriptor)
        except OSError:
            segment.delete()
            raise
        self._closed.appendleft(segment)

    def rotate(self) -> None:
        """End the segment that is being written. It stays locked: this process delivers it."""
        if self._active is not None:
            os.fsync(self._active.descriptor)
            self._closed.append(self._active)
            self._active = None

    def next_own(self) -> Segment | None:
        """The oldest segment of this process; None where there is none."""
        if not self._closed:
            self.rotate()
        self._delivering = self._closed[0] if self._closed else None
        return self._delivering

    def next_left_behind(self) -> Segment | None:
        """The oldest segment that a process which is gone left behind, locked."""
        for path in self._segments():
            if (segment := _lock(path)) is not None:  # Ours are locked by ourselves.
                self._delivering = segment
                return segment
        return None

    def done(self, segment: Segment) -> None:
        """A segment is delivered, or given up."""
        self._delivering = None
        if segment in self._closed:
            self._closed.remove(segment)
        segment.delete()

    def forget(self) -> None:
        """Let go of everything: at the end, and in a forked child, where the locks must end with the parent."""
        adopted = () if self._delivering in self._closed else (self._delivering,)
        for segment in (self._active, *adopted, *self._closed):
            if segment is not None:
                segment.release()
        self._active = self._delivering = None
        self._closed.clear()

    def _create(self, stamp: int) -> Segment:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{stamp:020d}-{os.getpid()}{SUFFIX}"
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return Segment(path, descriptor)

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{SUFFIX}")) if self._folder.is_dir() else []

    def _make_room(self) -> int:
        """Delete the oldest segments until the folder is within its limit; returns how many records were in them."""
        sizes = {path: _size(path) for path in self._segments()}
        total, lost = sum(sizes.values()), 0
        for path, size in sizes.items():
            if total <= self._limit_bytes:
                break
            own = next((s for s in self._closed if s.path == path), None)
            segment = own or _lock(path)
            if segment is not None and segment != self._delivering:
                lost += sum(len(frame.records) + frame.damaged for frame in segment.frames())
                if own is not None:
                    self._closed.remove(own)
                segment.delete()
                total -= size
        return lost


def encode(records: Sequence[Record]) -> bytes:
    """One frame. A record that has no JSON form is kept as what can be said of it."""
    try:
        payload = json.dumps(records, default=_plain).encode()
    except (TypeError, ValueError, RecursionError):
        payload = json.dumps([_with_json_form(record) for record in records], default=_plain).encode()
    return _HEADER.pack(MAGIC, len(payload), len(records), zlib.crc32(payload)) + payload


def _with_json_form(record: Record) -> Record:
    try:
        json.dumps(record, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        return ["unreadable", f"{type(error).__name__}: {error}"]
    return record


def _plain(value: Any) -> Any:
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if hasattr(value, "items"):
        return {str(key): part for key, part in value.items()}
    return f"<{type(value).__name__}>"


def _frames(data: bytes) -> Iterator[Frame]:
    at = 0
    while at < len(data):
        magic, length, count, checksum = (
            _HEADER.unpack_from(data, at) if at + _HEADER.size <= len(data) else (b"", 0, 0, 0)
        )
        payload = data[at + _HEADER.size : at + _HEADER.size + length]
        if magic == MAGIC and len(payload) == length and zlib.crc32(payload) == checksum:
            yield Frame(json.loads(payload))
            at += _HEADER.size + length
            continue
        # A header that is no header may say any number: at least one record is gone.
        yield Frame([], damaged=count if magic == MAGIC and 0 < count <= length else 1)
        following = data.find(MAGIC, at + 1)
        at = len(data) if following < 0 else following


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _lock(path: Path) -> Segment | None:
    """The segment, or None where another process holds it or has just delivered it."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return Segment(path, descriptor)
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
