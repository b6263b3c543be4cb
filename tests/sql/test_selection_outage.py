"""The snapshot while the database is away: it serves on, says how old it is, and starts from its file."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from selection_support import ACME, NOW, assign, fill
from sqlalchemy import Engine, text

from modelscout.selection import KeeperOptions, ModelSelector, SnapshotKeeper, SnapshotUnavailable
from modelscout.selection.source import WarehouseSource
from modelscout.warehouse.engine import open_engine


@pytest.fixture(autouse=True)
def warehouse(engine: Engine, warehouse_url: str) -> Iterator[None]:
    fill(engine)
    assign(engine, ACME, "chat", "openai/terra", "google/flash")
    yield
    shut(warehouse_url, False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "snapshot"


def keeper(url: str, file: Path | None = None, **options: float) -> SnapshotKeeper:
    quick = {"poll_s": 0.2, "gather_s": 0.0, "between_full_s": 0.0, "retry_s": 0.1, **options}
    return SnapshotKeeper(url, KeeperOptions(file=file, **quick), clock=lambda: NOW)  # type: ignore[arg-type]


def shut(warehouse_url: str, closed: bool) -> None:
    """Nobody gets in, and whoever was in is out; or open again."""
    name = warehouse_url.partition("@/")[2].partition("?")[0]
    admin = open_engine(warehouse_url.replace(f"/{name}?", "/postgres?"))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {"false" if closed else "true"}'))
        if closed:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :n"), {"n": name}
            )
    admin.dispose()


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def first(keeper: SnapshotKeeper, feature: str = "chat") -> str:
    return ModelSelector(keeper, clock=NOW.timestamp).select("acme", feature).choice.name


def test_selection_goes_on_while_the_database_is_away_and_catches_up(
    engine: Engine, warehouse_url: str
) -> None:
    with keeper(warehouse_url) as kept:
        shut(warehouse_url, True)
        until(lambda: kept._source is None)
        assert first(kept) == "openai/terra"
        later = ModelSelector(kept, clock=lambda: NOW.timestamp() + 90)
        assert later.age_s() == 90
        shut(warehouse_url, False)
        engine.dispose()
        assign(engine, ACME, "chat", "anthropic/haiku")
        until(lambda: first(kept) == "anthropic/haiku")


@pytest.mark.verify
def test_a_minute_without_the_database_costs_no_selection(engine: Engine, warehouse_url: str) -> None:
    with keeper(warehouse_url) as kept:
        selector = ModelSelector(kept, clock=NOW.timestamp)
        shut(warehouse_url, True)
        ends = time.monotonic() + 60

        def select() -> int:
            count = 0
            while time.monotonic() < ends:
                assert selector.select("acme", "chat").choice.name == "openai/terra"
                count += 1
            return count

        with ThreadPoolExecutor(4) as pool:
            counts = list(pool.map(lambda _: select(), range(4)))
        assert all(count > 1_000 for count in counts)
        shut(warehouse_url, False)
        engine.dispose()
        assign(engine, ACME, "chat", "anthropic/haiku")
        until(lambda: first(kept) == "anthropic/haiku")


def test_a_process_starts_from_the_file_while_the_database_is_away(
    engine: Engine, warehouse_url: str, file: Path
) -> None:
    with keeper(warehouse_url, file) as kept:
        assert file.stat().st_mode & 0o777 == 0o600
        assign(engine, ACME, "search", "anthropic/sonnet")
        until(lambda: first(kept, "search") == "anthropic/sonnet")
    assert [path.name for path in file.parent.iterdir()] == ["snapshot"]
    shut(warehouse_url, True)
    with keeper(warehouse_url, file) as started:
        assert (first(started), first(started, "search")) == ("openai/terra", "anthropic/sonnet")
        assert first(started, "photo_tagging") == "openai/luna"
        shut(warehouse_url, False)
        engine.dispose()
        assign(engine, ACME, "chat", "anthropic/haiku")
        until(lambda: first(started) == "anthropic/haiku")


def test_without_a_file_it_cannot_start_and_says_what_to_do(warehouse_url: str, file: Path) -> None:
    shut(warehouse_url, True)
    with pytest.raises(SnapshotUnavailable, match=r"does not answer .*: give KeeperOptions\.file"):
        keeper(warehouse_url).start()
    with pytest.raises(SnapshotUnavailable, match="cannot be read: No such file"):
        keeper(warehouse_url, file).start()


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda file: file.chmod(0o644), "not its user's alone"),
        (lambda file: file.write_text("nonsense\n"), "is no snapshot file"),
        (
            lambda file: file.write_text("\n".join(file.read_text().splitlines()[:5]) + "\n"),
            "no whole snapshot",
        ),
        (lambda file: file.write_text(file.read_text().replace("postgres", "somebody", 1)), "another login"),
        (
            lambda file: file.write_text(file.read_text().replace("snapshot 1", "snapshot 0", 1)),
            "another version",
        ),
        (
            lambda file: file.rename(file.with_name("x")) and file.symlink_to(file.with_name("x")),
            "cannot be read",
        ),
    ],
)
def test_a_file_that_cannot_be_trusted_is_not_used(
    warehouse_url: str, file: Path, damage: Callable[[Path], object], named: str
) -> None:
    keeper(warehouse_url, file).start().close()
    damage(file)
    shut(warehouse_url, True)
    with pytest.raises(SnapshotUnavailable, match=named):
        keeper(warehouse_url, file).start()


def test_a_line_that_a_killed_process_did_not_finish_is_left_out(
    engine: Engine, warehouse_url: str, file: Path
) -> None:
    with keeper(warehouse_url, file) as kept:
        assign(engine, ACME, "chat", "anthropic/haiku")
        until(lambda: first(kept) == "anthropic/haiku")
    whole = file.read_text()
    block = whole.index('["anew"', whole.index('["known_at"'))
    shut(warehouse_url, True)
    for end, expected in (
        (len(whole) - 1, "openai/terra"),
        (block + 9, "openai/terra"),
        (len(whole), "anthropic/haiku"),
    ):
        file.write_text(whole[:end])
        with keeper(warehouse_url, file) as started:
            assert first(started) == expected


def test_a_disk_that_cannot_be_written_does_not_stop_selection(
    engine: Engine, warehouse_url: str, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with keeper(warehouse_url, blocked / "snapshot") as kept:
        assign(engine, ACME, "chat", "anthropic/haiku")
        until(lambda: first(kept) == "anthropic/haiku")


def test_the_file_holds_no_references_to_keys(warehouse_url: str, file: Path) -> None:
    keeper(warehouse_url, file).start().close()
    content = file.read_text()
    assert str(ACME) in content
    assert "llm__" not in content
    assert all(json.loads(line) for line in content.splitlines())


def test_a_forked_child_keeps_up_by_itself(engine: Engine, warehouse_url: str) -> None:
    with keeper(warehouse_url) as kept:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                until(lambda: first(kept) == "anthropic/haiku")
                os.write(write, b"seen")
            finally:
                os._exit(0)
        assign(engine, ACME, "chat", "anthropic/haiku")
        os.close(write)
        assert os.read(read, 10) == b"seen"
        os.waitpid(child, 0)
        until(lambda: first(kept) == "anthropic/haiku")
        assign(engine, ACME, "chat", "openai/luna")
        until(lambda: first(kept) == "openai/luna")


def test_a_fresh_file_is_started_from_at_once_and_the_database_is_read_meanwhile(
    engine: Engine, warehouse_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper(warehouse_url, file).start().close()
    assign(engine, ACME, "chat", "anthropic/haiku")
    may_read = threading.Event()
    load = WarehouseSource.load

    def slowly(source: WarehouseSource, *tell: Any) -> Any:
        assert may_read.wait(10)
        return load(source, *tell)

    monkeypatch.setattr(WarehouseSource, "load", slowly)
    with keeper(warehouse_url, file) as started:
        assert first(started) == "openai/terra"
        may_read.set()
        until(lambda: first(started) == "anthropic/haiku")


@pytest.mark.parametrize(("age_s", "at_once_s", "found"), [(50, 60, "openai/terra"), (70, 60, "anthropic/haiku"),
                                                          (0, 0, "anthropic/haiku")])  # fmt: skip
def test_an_older_file_gives_way_to_the_database(
    engine: Engine, warehouse_url: str, file: Path, age_s: int, at_once_s: int, found: str
) -> None:
    keeper(warehouse_url, file).start().close()
    assign(engine, ACME, "chat", "anthropic/haiku")
    later = SnapshotKeeper(
        warehouse_url,
        KeeperOptions(file=file, file_at_once_s=at_once_s, retry_s=0.1),
        clock=lambda: NOW + timedelta(seconds=age_s),
    )
    connect, may_connect = later._connect, threading.Event()

    def in_the_background() -> Any:
        if threading.current_thread() is not threading.main_thread():
            may_connect.wait(10)
        return connect()

    later._connect = in_the_background  # type: ignore[method-assign]
    try:
        assert first(later.start()) == found
    finally:
        may_connect.set()
        later.close()
