"""Records usage from inside an application: never blocks its caller, never raises, loses nothing in silence.

Two threads work behind `record`: one takes records from the queue and hands them on, in memory while the database keeps
up and to the disk (`spill`) while it does not; the other delivers them. Each thread may die with the process at any
instant: what is on the disk is delivered by the next process that uses the same folder.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Self
from uuid import UUID

from modelscout.core.clock import now
from modelscout.core.settings import data_folder
from modelscout.usage.delivery import DatabaseAway, Delivery
from modelscout.usage.events import COLUMNS, UsageEvent, UsageOutcome, values_of
from modelscout.usage.recorder_options import RecorderCounters, RecorderOptions
from modelscout.usage.spill import Frame, Record, Segment, Spill

logger = logging.getLogger("modelscout.usage.recorder")
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0
"""Between tries while the database is away, doubled each time."""
LEFT_BEHIND_EVERY_S = 30.0
"""How often we look for what dead processes left."""


class UsageRecorder:
    """Writes `ai_usage_events` and `ai_usage_outcomes` for an application.

    `database_url` may be of any role that may insert: `modelscout_application`, an organization's own, or the
    pipeline's. Use it as a context manager, or call `close` at the end; an orderly end of the process does it too.
    """

    def __init__(
        self,
        database_url: str,
        options: RecorderOptions | None = None,
        *,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._options = options or RecorderOptions()
        self._clock = clock
        self._spill = Spill(
            self._options.spill_folder or data_folder() / "usage-spill",
            limit_bytes=self._options.spill_limit_bytes,
            segment_bytes=self._options.segment_bytes,
        )
        self._delivery = Delivery(database_url, clock=clock, future_tolerance=self._options.future_tolerance)
        self._start()
        _RECORDERS.add(self)
        atexit.register(self.close)

    def _start(self) -> None:
        self._queue: deque[Record] = deque()
        self._pending: deque[list[Record]] = deque()
        self._in_flight: list[Record] = []
        self._segment: Segment | None = None
        self._frames: deque[Frame] = deque()
        self._counts = dict.fromkeys(
            ("taken", "adopted", "written", "duplicates", "quarantined", "spilled", "refused", "dropped"), 0
        )
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._taken_all = threading.Event()
        self._given_up = threading.Event()
        self._left_behind_at = 0.0
        self._threads = [
            threading.Thread(target=work, name=f"modelscout usage {name}", daemon=True)
            for name, work in (("intake", self._take), ("delivery", self._deliver))
        ]
        for thread in self._threads:
            thread.start()

    # For the application

    def record(self, event: UsageEvent) -> bool:
        """Take one event; False where the queue is full or the recorder closed. Do not change it afterwards."""
        try:
            return self._accept(("event", *values_of(event)))
        except Exception as error:  # noqa: BLE001 - a caller's mistake must never become the caller's outage
            if isinstance(event, Mapping):
                return self._accept(("event", *(event.get(name) for name in COLUMNS)))
            return self._accept(("unreadable", f"{type(event).__name__}: {type(error).__name__}"))

    def record_outcome(
        self,
        organization_id: UUID | str | None,
        request_id: str,
        kind: str,
        score: Decimal | float,
        recorded_at: datetime | None = None,
    ) -> bool:
        """Take the judgement of an answer: `kind` correction, rating or check, `score` 0 to 1; False as `record`."""
        try:
            moment = self._clock() if recorded_at is None else recorded_at
        except Exception:  # noqa: BLE001 - as in record; without a time it goes to quarantine
            moment = None
        return self._accept(("outcome", *UsageOutcome(organization_id, request_id, kind, score, moment)))

    @property
    def counters(self) -> RecorderCounters:
        """What became of the records so far."""
        with self._lock:
            counts = dict(self._counts)
            accepted = counts.pop("taken") + len(self._queue)
        done = sum(counts[name] for name in ("written", "duplicates", "quarantined", "dropped"))
        return RecorderCounters(accepted, **counts, waiting=accepted + counts["adopted"] - done)

    def close(self, timeout_s: float = 10.0) -> bool:
        """Take no more and deliver what is there; what is not written in time stays on the disk.

        Returns whether everything is written.
        """
        atexit.unregister(self.close)
        _RECORDERS.discard(self)
        deadline = time.monotonic() + timeout_s
        self._closing.set()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._given_up.set()
        self._threads[0].join()  # Bounded: it only writes what is in the queue to the disk.
        with self._lock:
            self._keep_on_disk()
            self._frames.clear()
            self._segment = None
            self._spill.forget()
        return self.counters.waiting == 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self, record: Record) -> bool:
        if len(self._queue) < self._options.queue_records and not self._closing.is_set():
            self._queue.append(record)
            return True
        with self._lock:
            self._counts["refused"] += 1
        return False

    # The thread that takes

    def _take(self) -> None:
        while True:
            closing = self._closing.is_set()
            records = self._next_from_queue()
            if records:
                self._hand_on(records)
            elif closing:
                break
            if len(records) < self._options.batch_records:
                self._closing.wait(self._options.linger_s)
        self._taken_all.set()

    def _next_from_queue(self) -> list[Record]:
        size = min(len(self._queue), self._options.batch_records)
        return [self._queue.popleft() for _ in range(size)]

    def _hand_on(self, records: list[Record]) -> None:
        """To memory while nothing older waits on the disk and the database keeps up, else to the disk."""
        with self._lock:
            self._counts["taken"] += len(records)
            room = len(self._pending) < self._options.memory_batches and not self._given_up.is_set()
            if room and self._spill.is_empty() and not self._options.write_ahead:
                self._pending.append(records)
                return
            try:
                dropped = self._spill.append(records)
                self._counts["spilled"] += len(records)
                problem = "the spill folder is full"
            except OSError as error:
                dropped, problem = len(records), f"the spill folder cannot be written ({error})"
            self._count_dropped(dropped, problem)

    def _count_dropped(self, dropped: int, problem: str) -> None:
        if dropped:
            self._counts["dropped"] += dropped
            logger.error("%d usage records are lost: %s", dropped, problem)

    # The thread that delivers

    def _deliver(self) -> None:
        wait_s = 0.0
        while not self._given_up.is_set():
            try:
                worked = self._deliver_next()
                if wait_s:
                    logger.warning("the database is back: usage is delivered again")
                wait_s = 0.0
            except DatabaseAway as away:
                if not wait_s:
                    logger.warning("usage waits on this machine, the database is away: %s", away)
                wait_s = min(LONGEST_WAIT_S, 2 * wait_s or FIRST_WAIT_S)
                self._given_up.wait(wait_s)
                continue
            if worked:
                self._let_the_taker_go_first()
            elif self._taken_all.is_set():
                break
            else:
                self._given_up.wait(self._options.linger_s)
        self._delivery.close()

    def _let_the_taker_go_first(self) -> None:
        """Accepting comes before delivering: both share one interpreter."""
        while len(self._queue) > 5 * self._options.batch_records and not self._given_up.wait(0.005):
            pass

    def _deliver_next(self) -> bool:
        """Deliver the oldest batch; False where there is none. Raises DatabaseAway."""
        with self._lock:
            if not self._frames and self._pending:
                self._in_flight = self._pending.popleft()
            elif not self._frames:
                self._open_segment()
            records = self._in_flight or (self._frames[0].records if self._frames else None)
        if records is None:
            return False
        try:
            written = self._delivery.deliver(records)
        except DatabaseAway:
            with self._lock:
                self._keep_on_disk()
            raise
        with self._lock:
            self._counts["written"] += written.written
            self._counts["duplicates"] += written.duplicates
            self._counts["quarantined"] += written.quarantined
            self._finish_batch()
        return True

    def _finish_batch(self) -> None:
        if self._in_flight or not self._frames:  # None where close has given up waiting for this batch.
            self._in_flight = []
            return
        self._count_dropped(self._frames.popleft().damaged, "a spill file is damaged")
        if not self._frames and self._segment is not None:
            self._spill.done(self._segment)
            self._segment = None

    def _open_segment(self) -> None:
        """The next segment to deliver: of this process, else what a dead one left behind."""
        segment = self._spill.next_own()
        own = segment is not None
        if segment is None and time.monotonic() >= self._left_behind_at:
            segment = self._spill.next_left_behind()
            if segment is None:
                self._left_behind_at = time.monotonic() + LEFT_BEHIND_EVERY_S
        if segment is None:
            return
        self._segment = segment
        self._frames.extend(segment.frames())
        if not own:
            self._counts["adopted"] += sum(len(f.records) + f.damaged for f in self._frames)
        if not self._frames:
            self._spill.done(segment)
            self._segment = None

    def _keep_on_disk(self) -> None:
        """Write what waits in memory to the disk, before what is there already."""
        batches = [batch for batch in (self._in_flight, *self._pending) if batch]
        self._in_flight = []
        self._pending.clear()
        try:
            self._spill.prepend(batches)
            self._counts["spilled"] += sum(len(batch) for batch in batches)
        except OSError:
            self._pending.extend(batches)
            logger.exception("%d batches of usage wait in memory alone", len(batches))

    def _start_anew(self) -> None:
        """In a forked child: what waits is the parent's to deliver; the child begins with nothing."""
        self._spill.forget()
        self._delivery.forget()
        self._start()


_RECORDERS: weakref.WeakSet[UsageRecorder] = weakref.WeakSet()


def _after_fork() -> None:
    for recorder in list(_RECORDERS):
        recorder._start_anew()


os.register_at_fork(after_in_child=_after_fork)
