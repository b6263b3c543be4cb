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


def run_modelscout(
    folder: Path, timeout_s: float = 420, command: str = "run", **more: str
) -> subprocess.CompletedProcess[str]:
    """`modelscout run`, or another command, to its end."""
    return subprocess.run(
        [COMMAND, command],
        env=run_environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@dataclass(frozen=True)
class FinishedRun:
    """What the whole nightly flow printed, and the databases it left."""

    folder: Path
    completed: subprocess.CompletedProcess[str]
    databases: Databases
    environment: Mapping[str, str]


@dataclass(frozen=True)
class RunningInstallation:
    """Airflow with the page, as `modelscout up` left it."""

    folder: Path
    page_url: str
    password: str
    """Of the administrator, `admin`."""
    databases: Databases


@pytest.fixture(scope="session")
def finished_run() -> Iterator[FinishedRun]:
    """The whole nightly flow once, by `modelscout up`: `run` is the same and stops then.

    MODELSCOUT_TEST_INSTALLATION names the folder of an installation that is up, to try the page's tests on it.
    """
    given = os.environ.get("MODELSCOUT_TEST_INSTALLATION")
    folder = Path(given) if given else Path(tempfile.mkdtemp(prefix="msrun"))
    completed = (
        subprocess.CompletedProcess[str]([], 0, "", "") if given else run_modelscout(folder, command="up")
    )
    print(completed.stdout[-8000:], completed.stderr[-2000:])
    databases = start_postgres(folder / "postgres")
    try:
        yield FinishedRun(folder, completed, databases, run_environment(folder))
    finally:
        if not given:
            run_modelscout(folder, command="down")
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def running(finished_run: FinishedRun) -> RunningInstallation:
    """The page of the installation that `finished_run` started."""
    settings = dict(
        line.split("=", 1)
        for line in (finished_run.folder / "environment").read_text().splitlines()
        if "=" in line
    )
    return RunningInstallation(
        folder=finished_run.folder,
        page_url=settings["AIRFLOW__API__BASE_URL"].strip("'"),
        password=(finished_run.folder / "admin_password").read_text().strip(),
        databases=finished_run.databases,
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a person does on the page changes what the other tests look at: it comes last, and the end at the end."""
    items.sort(
        key=lambda item: (
            item.get_closest_marker("last") is not None,
            item.get_closest_marker("page") is not None,
        )
    )
