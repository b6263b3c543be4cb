"""`modelscout usage`: files taken in, interrupted and gone on with; quarantine mended and replayed; mistakes named."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from usage_files import MAPPING, NOW, WRITERS, calls

from modelscout.cli import main
from modelscout.usage.events import UsageEvent
from modelscout.usage.recorder import UsageRecorder
from modelscout.usage.recorder_options import RecorderOptions

ACME = uuid.UUID(int=0xAA)
BENCH = Path(__file__).parents[2] / "benchmarks/bench_recorder.py"
Command = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def warehouse(engine: Engine, monkeypatch: pytest.MonkeyPatch, warehouse_url: str, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("TRUNCATE ai_usage_events, ai_usage_quarantine, ai_usage_imports, organizations CASCADE")
        )
        connection.execute(
            text("INSERT INTO organizations (id, name, slug) VALUES (:id, 'Acme', 'acme')"), {"id": ACME}
        )
    monkeypatch.setenv("MODELSCOUT_DATABASE_URL", warehouse_url)
    monkeypatch.setenv("MODELSCOUT_NOW", NOW.isoformat())
    monkeypatch.chdir(tmp_path)
    Path("mapping.yaml").write_text(MAPPING)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: str) -> dict[str, Any]:
        assert main(["usage", *arguments, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        return found if isinstance(found, dict) else {"rows": found}

    return run


IMPORT = ("import", "u.csv", "--organization", "acme", "--format", "csv", "--mapping", "mapping.yaml")


def count(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM ai_usage_events")).scalar_one())


def test_a_dry_run_writes_nothing_and_says_what_it_would(engine: Engine, command: Command) -> None:
    rows = calls(30)
    rows[3]["prompt"] = -1
    WRITERS["csv"](Path("u.csv"), rows)
    found = command(*IMPORT, "--dry-run")
    assert (found["rows_read"], found["rows_written"], found["rows_quarantined"], found["dry_run"]) == (
        30,
        29,
        1,
        True,
    )
    assert count(engine) == 0


@pytest.mark.parametrize("kind", ["csv", "otel", "parquet"])
def test_an_import_killed_at_any_instant_goes_on_to_the_same_rows(
    engine: Engine, command: Command, warehouse_url: str, kind: str
) -> None:
    rows = calls(12_000)
    for row in rows[::400]:
        row["prompt"] = -1
    path = Path(f"u.{kind}")
    WRITERS[kind](path, rows)
    mapping = [] if kind == "otel" else ["--mapping", "mapping.yaml"]
    arguments = ["usage", "import", str(path), "--organization", "acme", "--format", kind, *mapping, "--json"]
    rng, kills = random.Random(kind), 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys; from modelscout.cli import main; sys.exit(main())", *arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for_progress(engine, process)
        time.sleep(rng.random() * 0.4)
        process.kill()
        kills += process.wait() != 0
    assert kills >= 1
    found = command(*arguments[1:-1])
    names = ("rows_read", "rows_written", "rows_duplicate", "rows_quarantined")
    assert [found[name] for name in names] == [12_000, 11_970, 0, 30]
    assert count(engine) == 11_970
    assert command("quarantine")["rows"][0]["total"] == 30


def wait_for_progress(engine: Engine, process: subprocess.Popen[bytes]) -> None:
    """Until the process has taken another batch in, or is done."""

    def place() -> Any:
        with engine.connect() as connection:
            return connection.execute(text("SELECT max(position) FROM ai_usage_imports")).scalar()

    before, deadline = place(), time.monotonic() + 30
    while place() == before and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_mapping_is_mended_and_what_waited_is_taken_in_once(engine: Engine, command: Command) -> None:
    rows = calls(40)
    WRITERS["csv"](Path("u.csv"), rows)
    Path("mapping.yaml").write_text(MAPPING.replace(", timezone: UTC", ""))
    found = command(*IMPORT)
    assert (found["rows_written"], found["rows_quarantined"]) == (0, 40)
    waiting = command("quarantine", "--organization", "acme")["rows"]
    assert waiting[0]["total"] == 40
    assert "not a time with an offset" in waiting[0]["reason"]
    assert command("replay-quarantine")["still_wrong"] == 40
    Path("mapping.yaml").write_text(MAPPING)
    replayed = command("replay-quarantine", "--mapping", "mapping.yaml")
    assert (replayed["tried"], replayed["taken_in"], replayed["still_wrong"]) == (40, 40, 0)
    assert command("replay-quarantine", "--mapping", "mapping.yaml")["tried"] == 0
    assert count(engine) == 40
    assert command("quarantine")["rows"] == []


def test_what_the_recorder_put_aside_is_replayed_once_it_can_be(
    engine: Engine, command: Command, warehouse_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = RecorderOptions(spill_folder=tmp_path / "spill")
    with UsageRecorder(warehouse_url, options, clock=lambda: NOW) as recorder:
        for number in range(20):
            recorder.record(
                UsageEvent(organization_id=ACME, feature_id="chat", provider="openai", requested_model="m",
                           request_id=f"r{number}", occurred_at=NOW + timedelta(hours=1))
            )  # fmt: skip
        recorder.record_outcome(ACME, "r1", "rating", 1, NOW + timedelta(hours=2))
    assert recorder.counters.quarantined == 21
    assert command("replay-quarantine")["still_wrong"] == 21
    monkeypatch.setenv("MODELSCOUT_NOW", (NOW + timedelta(days=1)).isoformat())
    assert command("replay-quarantine")["taken_in"] == 21
    assert count(engine) == 20


def test_what_belongs_to_a_closed_day_stays_aside(engine: Engine, command: Command) -> None:
    WRITERS["csv"](Path("u.csv"), calls(200))
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO usage_closed_days VALUES ('2026-11-22', now())"))
    try:
        found = command(*IMPORT)
        assert found["rows_read"] == 200 == found["rows_written"] + found["rows_quarantined"]
        assert 0 < found["rows_quarantined"] < 200
        replayed = command("replay-quarantine", "--mapping", "mapping.yaml")
        assert (replayed["taken_in"], replayed["still_wrong"]) == (0, found["rows_quarantined"])
    finally:
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE usage_closed_days"))
    assert command("replay-quarantine", "--mapping", "mapping.yaml")["taken_in"] == found["rows_quarantined"]


def test_two_imports_of_one_file_at_once_leave_it_once(engine: Engine, command: Command) -> None:
    WRITERS["jsonl"](Path("u.jsonl"), calls(20_000))
    arguments = [
        "usage",
        "import",
        "u.jsonl",
        "--organization",
        "acme",
        "--format",
        "jsonl",
        "--mapping",
        "mapping.yaml",
    ]
    program = "import sys; from modelscout.cli import main; sys.exit(main())"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    errors = [process.communicate()[1].decode() for process in both]
    said = [line for error in errors for line in error.splitlines() if line.startswith("modelscout:")]
    assert all("another process is taking this file in" in line for line in said), errors
    assert not any("Traceback" in error for error in errors), errors
    command(*arguments[1:])
    assert count(engine) == 20_000


def test_a_request_id_may_come_from_the_place_in_the_file(engine: Engine, command: Command) -> None:
    WRITERS["csv"](Path("u.csv"), calls(10))
    Path("mapping.yaml").write_text(MAPPING.replace("request_id: id", "request_id: {from_position: true}"))
    assert command(*IMPORT)["rows_written"] == 10
    assert command(*IMPORT, "--again")["rows_duplicate"] == 10


@pytest.mark.parametrize("seconds", ["1e9999999", "nan", "-inf", "9" * 5000, "soon", "1e-9999999"])
def test_a_number_beyond_all_measure_is_put_aside(command: Command, seconds: str) -> None:
    rows = calls(3)
    rows[1]["seconds"] = seconds
    WRITERS["csv"](Path("u.csv"), rows)
    found = command(*IMPORT)
    assert (found["rows_read"], found["rows_written"] + found["rows_quarantined"]) == (3, 3)
    assert found["rows_written"] >= 2


def test_cached_tokens_that_are_counted_apart_are_added(engine: Engine, command: Command) -> None:
    Path("u.jsonl").write_text(
        '{"request_id": "a", "feature_id": "chat", "provider": "anthropic", "requested_model": "m", '
        '"occurred_at": "2026-11-23T11:00:00Z", "input_tokens": 10, "cache_read_tokens": 100}'
    )
    Path("mapping.yaml").write_text("input_tokens_exclude_cached: true")
    command("import", "u.jsonl", "--organization", "acme", "--format", "jsonl", "--mapping", "mapping.yaml")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT input_tokens FROM ai_usage_events")).scalar() == 110


MISTAKES = {
    "columns: {request: id}": "mapping.yaml, line 1, columns.request: 'request' is no column of ai_usage_events",
    "columns:\n  request_id: nothing": "mapping.yaml, line 2, columns.request_id: the file has no column 'nothing'",
    "columns:\n  occurred_at: {from: time, timezone: Mars}": "columns.occurred_at.timezone: 'Mars' is no time zone",
    "colums: {}": "mapping.yaml, line 1, colums: Extra inputs are not permitted: the key is unknown",
    "version: 2": "line 1, version: Input should be 1: this version of the program reads version 1",
    "columns:\n  attempt: {from_position: true}": "line 2, columns.attempt: give `from`",
    "columns: [": "mapping.yaml, line 1: not valid YAML",
    "- a": "mapping.yaml: the file is not a mapping",
}  # fmt: skip


@pytest.mark.parametrize("content", MISTAKES)
def test_a_mistake_in_a_mapping_is_named_with_its_line(
    content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    WRITERS["csv"](Path("u.csv"), calls(2))
    Path("mapping.yaml").write_text(content)
    assert main(["usage", *IMPORT]) == 2
    told = capsys.readouterr().err
    assert MISTAKES[content] in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["import", "no.csv", "--organization", "acme", "--format", "csv"], "FILE='no.csv' is no file"),
        (["import", "u.csv", "--organization", "acme", "--format", "xml"], "--format='xml' is unknown"),
        (
            ["import", "u.csv", "--organization", "nobody", "--format", "csv"],
            "organization='nobody' is unknown",
        ),
        (["import", "empty", "--organization", "acme", "--format", "jsonl"], "empty: the file is empty"),
        (
            ["import", "u.csv", "--organization", "acme", "--format", "parquet"],
            "u.csv: cannot be read as Parquet",
        ),
        (
            ["import", "broken.json", "--organization", "acme", "--format", "otel"],
            "broken.json, line 2: not valid",
        ),
        (["quarantine", "--organization", "nobody"], "organization='nobody' is unknown"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_refused_with_the_remedy(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    WRITERS["csv"](Path("u.csv"), calls(2))
    Path("empty").touch()
    Path("broken.json").write_text("{\n  resourceSpans")
    assert main(["usage", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"modelscout: {told}")


def test_the_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    rows = calls(30)
    rows[3]["prompt"] = -1
    WRITERS["csv"](Path("u.csv"), rows)
    assert main(["usage", *IMPORT]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("30 rows: 29 written, 0 known already, 1 in quarantine, 0 no call of a model\n")
    assert main(["usage", "quarantine"]) == 0
    assert "input_tokens is '-1', out of range" in capsys.readouterr().out
    assert main(["usage", "replay-quarantine"]) == 0
    assert capsys.readouterr().out.startswith("1 tried: 0 taken in")


@pytest.mark.verify
def test_the_benchmark_finds_nothing_lost_and_nothing_twice() -> None:
    program = [
        sys.executable,
        "-W",
        "ignore",
        str(BENCH),
        "--seconds",
        "0.5",
        "--stopped",
        "3",
        "--rate",
        "1000",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODELSCOUT_")}
    done = subprocess.run(
        [*program, "--peer-events", "50"], capture_output=True, text=True, timeout=200, env=environment
    )
    assert "nothing lost, nothing twice" in done.stdout, done.stdout + done.stderr
