"""Killed with SIGKILL in the middle (the launcher, a task, Postgres: once each), the next run ends right."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from e2e.conftest import COMMAND, FIXED_NOW, FinishedRun, run_environment, run_modelscout
from modelscout.demo import processes
from modelscout.demo.expectations import check_recommendations
from modelscout.demo.postgres import start_postgres, stop_postgres
from modelscout.recommender.read import list_recommendations
from modelscout.warehouse.engine import open_engine

pytestmark = [pytest.mark.end_to_end, pytest.mark.verify, pytest.mark.timeout(1500)]


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="mskill"))
    yield path
    processes.stop_all(path)
    stop_postgres(path / "postgres")
    shutil.rmtree(path, ignore_errors=True)


def launcher(folder: Path, run: subprocess.Popen[bytes]) -> int:
    return run.pid


def task(folder: Path, run: subprocess.Popen[bytes]) -> int:
    """The process that runs a task's code: not the executor's worker that watches it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for process in processes.running(folder):
            name = " ".join(process.cmdline())
            if name.startswith("airflow worker -- ") and "LocalExecutor" not in name:
                return process.pid
        time.sleep(0.05)
    raise AssertionError("no task is running")


def postgres(folder: Path, run: subprocess.Popen[bytes]) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


@pytest.mark.parametrize("victim", [launcher, task, postgres])
def test_the_run_after_a_kill_ends_right(victim: object, folder: Path, finished_run: FinishedRun) -> None:
    log = folder.with_suffix(".log")
    with log.open("wb") as output:
        run = subprocess.Popen([COMMAND, "run"], env=run_environment(folder), stdout=output, stderr=output)
        _wait_for(log, "benchmark_models: running", run)
        time.sleep(6)
        pid = victim(folder, run)  # type: ignore[operator]
        children = psutil.Process(pid).children() if victim is postgres else []
        os.kill(pid, signal.SIGKILL)
        # A database server's own processes end with it.
        psutil.wait_procs(children, timeout=30)
        run.wait(timeout=600)
    if victim is not task:
        assert run.returncode != 0
    completed = run_modelscout(folder, timeout_s=600)
    assert completed.returncode == 0, completed.stdout[-3000:]
    assert processes.running(folder) == []
    databases = start_postgres(folder / "postgres")
    try:
        engine = open_engine(databases.owner_url)
        rows = list_recommendations(engine)
        assert check_recommendations(rows, now=datetime.fromisoformat(FIXED_NOW)) == []
        engine.dispose()
        assert _analytics(databases.owner_url) == _analytics(finished_run.databases.owner_url)
    finally:
        databases.stop()
        log.unlink(missing_ok=True)


def _wait_for(log: Path, words: str, run: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300
    while words not in log.read_text(errors="replace"):
        assert run.poll() is None, log.read_text(errors="replace")[-3000:]
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
        time.sleep(0.2)


def _analytics(url: str) -> list[tuple[object, ...]]:
    """Every figure of every row, models and organizations by name."""
    engine = open_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT o.slug, m.provider_model_id, a.feature_id, a.date, "
                "(to_jsonb(a) - 'id' - 'model_id' - 'organization_id' - 'created_at')::text "
                "FROM ai_model_analytics AS a JOIN organizations AS o ON o.id = a.organization_id "
                "JOIN ai_models AS m ON m.id = a.model_id ORDER BY 1, 2, 3, 4"
            )
        ).all()
    engine.dispose()
    return [tuple(row) for row in rows]
