"""The recorder through its public interface: real Postgres, real files, processes that are killed."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from modelscout.usage.events import UsageEvent
from modelscout.usage.recorder import UsageRecorder
from modelscout.usage.recorder_options import RecorderOptions

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACME, GLOBEX = uuid.UUID(int=0xAA), uuid.UUID(int=0xBB)
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nowhere"
EVENT = UsageEvent(
    organization_id=ACME,
    feature_id="chat",
    provider="openai",
    requested_model="gpt-6-luna",
    request_id="r",
    occurred_at=NOW - timedelta(hours=1),
    input_tokens=100,
    output_tokens=10,
)
Recorder = Callable[..., UsageRecorder]


@pytest.fixture(autouse=True)
def warehouse(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE ai_usage_events, ai_usage_outcomes, ai_usage_quarantine"))
        connection.execute(text("TRUNCATE organizations, organization_roles CASCADE"))
        connection.execute(text("SELECT modelscout.ensure_usage_partitions('2026-11-22', '2026-11-24')"))
        connection.execute(
            text(
                "INSERT INTO organizations (id, name, slug) VALUES (:a, 'Acme', 'acme'), (:g, 'Globex', 'globex')"
            ),
            {"a": ACME, "g": GLOBEX},
        )
        connection.execute(
            text(
                "DO $$ BEGIN CREATE ROLE rec_acme LOGIN IN ROLE modelscout_organization; "
                "CREATE ROLE rec_application LOGIN IN ROLE modelscout_application; "
                "CREATE ROLE rec_none LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            )
        )
        connection.execute(text("INSERT INTO organization_roles VALUES ('rec_acme', :a)"), {"a": ACME})


@pytest.fixture
def make(warehouse_url: str, tmp_path: Path) -> Iterator[Recorder]:
    """Makes recorders that share a spill folder; closes what the test leaves open."""
    made: list[UsageRecorder] = []

    def recorder(url: str = warehouse_url, *, role: str | None = None, **options: Any) -> UsageRecorder:
        url = url.replace("postgres@", f"{role}@") if role else url
        chosen = RecorderOptions(**({"spill_folder": tmp_path / "spill", "linger_s": 0.01} | options))
        made.append(UsageRecorder(url, chosen, clock=lambda: NOW))
        return made[-1]

    yield recorder
    for one in made:
        one.close(0)


def numbered(first: int, count: int, **changes: Any) -> list[UsageEvent]:
    return [replace(EVENT, request_id=f"r{n}", **changes) for n in range(first, first + count)]


def rows(engine: Engine, table: str = "ai_usage_events") -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(r) for r in connection.execute(text(f"SELECT * FROM {table}")).mappings()]


def requests(engine: Engine) -> list[str]:
    return sorted(row["request_id"] for row in rows(engine))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def test_events_and_outcomes_are_written_as_they_were_recorded(engine: Engine, make: Recorder) -> None:
    recorder = make()
    full = replace(
        EVENT, served_model="gpt-6-luna-2026-10-01", attempt=2, cache_read_tokens=40, reasoning_tokens=4,
        processing="batch", duration_ms=800, time_to_first_token_ms=90, confidence=0.91234, user_hash="u",
        workload={"complexity": "low"}, propensity=Decimal("0.5"), error_type="tab\tline\nback\\slash \\N",
    )  # fmt: skip
    assert recorder.record(full)
    assert recorder.record_outcome(ACME, "r", "rating", 0.75, NOW)
    assert recorder.close()
    [row] = rows(engine)
    assert {name: row[name] for name in ("attempt", "cache_read_tokens", "processing", "workload", "error_type")} == {
        "attempt": 2, "cache_read_tokens": 40, "processing": "batch", "workload": {"complexity": "low"},
        "error_type": full.error_type,
    }  # fmt: skip
    assert (row["occurred_at"], row["confidence"]) == (EVENT.occurred_at, Decimal("0.9123"))
    assert rows(engine, "ai_usage_outcomes")[0]["score"] == Decimal("0.75")
    assert (recorder.counters.written, recorder.counters.waiting) == (2, 0)


def test_a_redelivery_is_a_duplicate(engine: Engine, make: Recorder) -> None:
    recorder = make()
    for event in (EVENT, EVENT, replace(EVENT, attempt=2)):
        recorder.record(event)
    recorder.close()
    assert (recorder.counters.written, recorder.counters.duplicates) == (2, 1)


@pytest.mark.parametrize("role", ["rec_acme", "rec_application"])
def test_it_works_under_the_applications_and_an_organizations_own_role(
    engine: Engine, make: Recorder, role: str
) -> None:
    recorder = make(role=role)
    recorder.record(EVENT)
    recorder.record(replace(EVENT, organization_id=GLOBEX, request_id="g"))
    recorder.record(replace(EVENT, organization_id=None, request_id="n"))
    recorder.record(replace(EVENT, request_id="bad", input_tokens=-1))
    recorder.record_outcome(ACME, "r", "check", 1)
    assert recorder.close()
    quarantine = rows(engine, "ai_usage_quarantine")
    if role == "rec_acme":
        # Bound to acme: an event without an organization is acme's, another's is refused and stays acme's affair.
        assert requests(engine) == ["n", "r"]
        assert {row["organization_id"] for row in quarantine} == {ACME}
    else:
        assert requests(engine) == ["g", "r"]
        assert {row["organization_id"] for row in quarantine} == {ACME, None}
    assert len(quarantine) == 2
    assert recorder.counters.written == 3


def test_a_role_without_rights_waits_and_says_so(make: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        recorder = make(role="rec_none")
        recorder.record(EVENT)
        wait_until(lambda: "permission denied" in caplog.text)
    assert recorder.counters.waiting == 1


BAD = {
    "negative": {"output_tokens": -5},
    "absurd": {"input_tokens": 2**31},
    "not whole": {"input_tokens": 1.5},
    "text for a number": {"input_tokens": "many"},
    "nan": {"input_tokens": float("nan")},
    "true is no number": {"input_tokens": True},
    "a number without a text": {"input_tokens": 10**5000},
    "more cached than read": {"cache_read_tokens": 101},
    "more reasoning than output": {"reasoning_tokens": 11},
    "year 1": {"occurred_at": datetime(1, 1, 1, tzinfo=UTC)},
    "future": {"occurred_at": NOW + timedelta(minutes=11)},
    "no offset": {"occurred_at": NOW.replace(tzinfo=None)},
    "no time": {"occurred_at": "yesterday"},
    "nul": {"feature_id": "a\x00b"},
    "surrogate": {"user_hash": "\ud800"},
    "empty": {"requested_model": " "},
    "none": {"provider": None},
    "long": {"item_key": "x" * 501},
    "no organization": {"organization_id": "acme"},
    "confidence": {"confidence": 1.01},
    "confidence nan": {"confidence": Decimal("nan")},
    "propensity": {"propensity": 1e-9},
    "processing": {"processing": "fast"},
    "workload": {"workload": [1]},
    "workload nan": {"workload": {"x": float("nan")}},
    "attempt": {"attempt": 0},
}


def circular() -> dict[str, Any]:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    return loop


@pytest.mark.parametrize("way", ["memory", "disk"])
def test_what_cannot_be_is_put_aside_with_a_reason_and_the_rest_is_written(
    engine: Engine, make: Recorder, way: str
) -> None:
    recorder = make(write_ahead=way == "disk")
    bad = {name: replace(EVENT, request_id=f"bad {name}", **change) for name, change in BAD.items()}  # type: ignore[arg-type]
    strange: list[Any] = [None, "event", {"feature_id": "chat"}, replace(EVENT, workload=circular())]
    for event in [*numbered(0, 5), *bad.values(), *strange, *numbered(5, 5)]:
        assert recorder.record(event)
    assert recorder.close()
    assert requests(engine) == [f"r{n}" for n in range(10)]
    aside = rows(engine, "ai_usage_quarantine")
    assert len(aside) == len(BAD) + len(strange)
    assert all(row["reason"] and row["remedy"] for row in aside)
    assert recorder.counters.quarantined == len(aside)


def test_an_outage_is_waited_out_on_the_disk_in_order(
    engine: Engine, make: Recorder, tmp_path: Path, warehouse_url: str
) -> None:
    away = make(NOWHERE, segment_bytes=5_000)
    for event in numbered(0, 300):
        away.record(event)
    wait_until(lambda: away.counters.spilled == 300)
    assert not away.close(0)
    assert away.counters.waiting == 300
    assert len(list((tmp_path / "spill").iterdir())) >= 1
    back = make(batch_records=50)
    wait_until(lambda: back.counters.written == 300)
    assert back.close()
    assert (back.counters.adopted, list((tmp_path / "spill").iterdir())) == (300, [])
    assert len(set(requests(engine))) == 300


def test_a_full_spill_folder_drops_the_oldest_and_says_so(
    engine: Engine, make: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    away = make(NOWHERE, segment_bytes=2_000, spill_limit_bytes=20_000, batch_records=5)
    for event in numbered(0, 400):
        away.record(event)
    wait_until(lambda: away.counters.spilled == 400)
    away.close(0)
    dropped = away.counters.dropped
    assert 200 < dropped < 400
    assert "usage records are lost: the spill folder is full" in caplog.text
    back = make()
    wait_until(lambda: back.counters.written == 400 - dropped)
    # The oldest went, but for the file that was just being delivered.
    assert len(requests(engine)) == 400 - dropped
    assert set(requests(engine)) >= {f"r{n}" for n in range(dropped + 50, 400)}


def test_a_full_queue_refuses_without_waiting_and_counts(make: Recorder) -> None:
    recorder = make(NOWHERE, queue_records=10, linger_s=5)
    time.sleep(0.1)  # The taker is asleep now.
    answers = [recorder.record(event) for event in numbered(0, 30)]
    assert answers == [True] * 10 + [False] * 20
    assert recorder.counters.refused == 20


def test_what_was_torn_or_spoilt_on_the_disk_is_counted_and_the_rest_delivered(
    engine: Engine, make: Recorder, tmp_path: Path
) -> None:
    away = make(NOWHERE, batch_records=10)
    for event in numbered(0, 50):
        away.record(event)
    wait_until(lambda: away.counters.spilled == 50)
    away.close(0)
    for path in (tmp_path / "spill").iterdir():
        data = bytearray(path.read_bytes())
        data[60] ^= 0xFF
        path.write_bytes(data[:-7])
    back = make()
    wait_until(lambda: back.counters.adopted > 0 and back.counters.waiting == 0)
    assert back.counters.dropped >= 10
    assert back.counters.written + back.counters.dropped == 50
    assert len(requests(engine)) == back.counters.written


WORKER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from modelscout.usage.events import UsageEvent
from modelscout.usage.recorder import UsageRecorder
from modelscout.usage.recorder_options import RecorderOptions
url, folder, name = sys.argv[1:]
recorder = UsageRecorder(url, RecorderOptions(spill_folder=Path(folder), write_ahead=True, linger_s=0.005),
                         clock=lambda: datetime(2026, 11, 23, 12, tzinfo=UTC))
for number in range(10**9):
    recorder.record(UsageEvent(organization_id="00000000-0000-0000-0000-0000000000aa", feature_id="chat",
        provider="openai", requested_model="m", request_id=f"{name}-{number}",
        occurred_at=datetime(2026, 11, 23, 11, tzinfo=UTC)))
    if number % 500 == 0:
        counters = recorder.counters
        print(counters.spilled, flush=True)
        while recorder.counters.waiting > 20_000:
            pass
"""


def test_killed_processes_leave_what_the_next_one_delivers_once(
    engine: Engine, make: Recorder, tmp_path: Path, warehouse_url: str
) -> None:
    spilled = []
    for name in ("first", "second"):
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, warehouse_url, str(tmp_path / "spill"), name],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        lines = [int(process.stdout.readline()) for _ in range(40)]
        process.send_signal(signal.SIGKILL)
        process.wait()
        spilled.append(lines[-1])
    back = make()
    wait_until(lambda: back.counters.waiting == 0 and not list((tmp_path / "spill").iterdir()))
    back.close()
    for name, at_least in zip(("first", "second"), spilled, strict=True):
        numbers = sorted(int(r.split("-")[1]) for r in requests(engine) if r.startswith(name))
        assert numbers == list(range(len(numbers))), "one is missing, or out of order"
        assert len(numbers) >= at_least > 0


def test_two_processes_share_a_folder_and_neither_takes_what_the_other_writes(
    engine: Engine, make: Recorder
) -> None:
    away = make(NOWHERE)
    for event in numbered(0, 20):
        away.record(event)
    wait_until(lambda: away.counters.spilled == 20)
    near = make()  # Looks for what others left behind as soon as it starts.
    for event in numbered(20, 20):
        near.record(event)
    assert near.close()
    assert (near.counters.written, near.counters.adopted) == (20, 0)


def test_a_forked_child_records_for_itself(
    engine: Engine, make: Recorder, warehouse_url: str, tmp_path: Path
) -> None:
    program = f"""
import os, sys
{WORKER.split("for number")[0].replace("import sys", "", 1)}
def event(n): return UsageEvent(organization_id="00000000-0000-0000-0000-0000000000aa", feature_id="chat",
    provider="openai", requested_model="m", request_id=n, occurred_at=datetime(2026, 11, 23, 11, tzinfo=UTC))
recorder.record(event("before"))
child = os.fork()
recorder.record(event("child" if child == 0 else "parent"))
closed = recorder.close()
if child == 0:
    os._exit(0 if closed and recorder.counters.accepted == 1 else 1)
sys.exit(0 if os.waitpid(child, 0)[1] == 0 and closed else 1)
"""
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, warehouse_url, str(tmp_path / "spill"), "x"],
        check=True,
        timeout=60,
    )
    assert requests(engine) == ["before", "child", "parent"]


def test_after_closing_nothing_is_accepted(make: Recorder) -> None:
    recorder = make()
    assert recorder.close()
    assert recorder.record(EVENT) is False
    assert recorder.counters.refused == 1
