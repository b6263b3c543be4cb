"""One whole `modelscout run` in a fresh folder, shared by the tests that look at what it left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelscout.demo.postgres import Databases, start_postgres

FIXED_NOW = "2026-11-23T12:00:00+00:00"
COMMAND = Path(sys.executable).parent / "modelscout"


def run_environment(folder: Path, **more: str) -> dict[str, str]:
    """A bare environment, as a stranger's shell would give it."""
    bare = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    return bare | {"MODELSCOUT_DATA_DIR": str(folder), "MODELSCOUT_NOW": FIXED_NOW} | more


def run_modelscout(folder: Path, timeout_s: float = 420, **more: str) -> subprocess.CompletedProcess[str]:
    """`modelscout run` to its end."""
    return subprocess.run(
        [COMMAND, "run"],
        env=run_environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@dataclass(frozen=True)
class FinishedRun:
    """What one run printed, and the databases that it left, started again."""

    folder: Path
    completed: subprocess.CompletedProcess[str]
    databases: Databases
    environment: Mapping[str, str]


@pytest.fixture(scope="session")
def finished_run() -> Iterator[FinishedRun]:
    """The whole nightly flow once."""
    folder = Path(tempfile.mkdtemp(prefix="msrun"))
    completed = run_modelscout(folder)
    print(completed.stdout[-8000:], completed.stderr[-2000:])
    databases = start_postgres(folder / "postgres")
    try:
        yield FinishedRun(folder, completed, databases, run_environment(folder))
    finally:
        databases.stop()
        shutil.rmtree(folder, ignore_errors=True)
