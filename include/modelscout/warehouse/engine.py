"""Connections to the warehouse. Every statement runs as parameters, never as pasted text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url

from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.sqlfiles import load_sql

Row = dict[str, Any]
MINIMUM_SERVER_VERSION = 150000
"""`security_invoker` views and NULLS NOT DISTINCT need PostgreSQL 15."""


def open_engine(url: str, *, statement_timeout_ms: int | None = None, pool_size: int = 4) -> Engine:
    """Engine for one process. Raises ConfigurationError where the URL is not a psycopg 3 URL."""
    parsed = make_url(url)
    if parsed.drivername != "postgresql+psycopg":
        raise ConfigurationError(
            f"database URL begins with {parsed.drivername}: write postgresql+psycopg://user@host/database"
        )
    options = "-c timezone=UTC"
    if statement_timeout_ms is not None:
        options += f" -c statement_timeout={statement_timeout_ms}"
    return create_engine(parsed, pool_size=pool_size, pool_pre_ping=True, connect_args={"options": options})


@contextmanager
def warehouse(url: str) -> Iterator[Engine]:
    """Engine that is disposed at the end: for tasks and commands."""
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def run_sql(connection: Connection, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    """Run one file under `sql/` and return its rows, none where it returns nothing."""
    result = connection.execute(text(load_sql(name)), dict(parameters or {}))
    return [dict(row) for row in result.mappings()] if result.returns_rows else []


def run_sql_many(connection: Connection, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run one file once per parameter set, in bulk; nothing where there is none."""
    if rows:
        connection.execute(text(load_sql(name)), [dict(row) for row in rows])


@contextmanager
def one_snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction whose statements all see the same rows, whatever comes in meanwhile."""
    with (
        engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
        connection.begin(),
    ):
        yield connection
