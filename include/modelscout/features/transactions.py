"""What every change of a configuration shares: one transaction, who makes it, and for which organization."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ProgrammingError

from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import run_sql


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction. Raises ConfigurationError where the login may not configure anything."""
    try:
        with engine.begin() as connection:
            yield connection
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != "42501":
            raise
        raise ConfigurationError(
            "this database login may not use the feature service: log in as a member of modelscout_pipeline; "
            "an application reads the view feature_assignments"
        ) from None


def check_actor(actor: str) -> None:
    """Raises ConfigurationError where nobody stands behind a change."""
    if not actor.strip():
        raise ConfigurationError("actor is empty: name who makes the change, it goes into the audit log")


def organization_id_of(connection: Connection, organization: str) -> str:
    """Id of an organization by its slug or id. Raises ConfigurationError where there is none."""
    found = run_sql(connection, "queries/usage_organization", {"name": organization})
    if not found:
        raise ConfigurationError(
            f"organization={organization!r} is unknown: give the slug or id of a row of organizations"
        )
    return str(found[0]["id"])
