"""What must stand before Airflow's components start. Idempotent, killed at any instant and run again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from modelscout.core.errors import ConfigurationError, ModelscoutError
from modelscout.warehouse.engine import warehouse
from modelscout.warehouse.migrate import upgrade
from modelscout.warehouse.roles import admit_nightly

WAIT_S = 120.0
ANY_SOURCE = ("", "_CMD", "_SECRET")
"""Airflow takes each of its secrets from a variable, from a command's output or from its secrets backend."""
METADATA_VARIABLE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
AIRFLOW_SECRETS = (
    METADATA_VARIABLE,
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
)
FAB = "FabAuthManager"
REMEDY = "run `modelscout deployment env` and start with its .env"


class DatabaseUnreachable(ModelscoutError):
    """A database did not answer in time."""


@dataclass(frozen=True, slots=True)
class PrepareSettings:
    """What `prepare` needs from its environment."""

    owner_url: str = field(repr=False)
    nightly_url: str = field(repr=False)
    administrator: tuple[str, str] | None = field(repr=False)
    """User name and password where Airflow's auth manager is FAB, else None."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> PrepareSettings:
        """Read the environment. Raises ConfigurationError that names every variable that is missing."""
        with_fab = env.get("AIRFLOW__CORE__AUTH_MANAGER", "").endswith(FAB)
        needed = ["MODELSCOUT_OWNER_DATABASE_URL", "MODELSCOUT_DATABASE_URL"]
        needed += ["AIRFLOW_ADMIN_PASSWORD"] if with_fab else []
        missing = [name for name in needed if not env.get(name, "").strip()]
        missing += [
            name
            for name in AIRFLOW_SECRETS
            if not any(env.get(name + source, "").strip() for source in ANY_SOURCE)
        ]
        if missing:
            raise ConfigurationError(f"not set: {', '.join(missing)}. {REMEDY[0].upper()}{REMEDY[1:]}")
        user = env.get("AIRFLOW_ADMIN_USER", "").strip() or "admin"
        return cls(
            owner_url=env["MODELSCOUT_OWNER_DATABASE_URL"].strip(),
            nightly_url=env["MODELSCOUT_DATABASE_URL"].strip(),
            administrator=(user, env["AIRFLOW_ADMIN_PASSWORD"]) if with_fab else None,
        )


def prepare(settings: PrepareSettings, *, say: Callable[[str], None], wait_s: float = WAIT_S) -> None:
    """Migrate both databases, admit the nightly login, make pools and the administrator.

    `say` is called with a line per step. Raises ConfigurationError or DatabaseUnreachable.
    """
    wait_for_database(settings.owner_url, "MODELSCOUT_OWNER_DATABASE_URL", wait_s=wait_s)
    applied = upgrade(settings.owner_url)
    say(f"warehouse: {len(applied)} migrations applied")
    role = make_url(settings.nightly_url).username or ""
    with warehouse(settings.owner_url) as engine:
        admit_nightly(engine, role)
    wait_for_database(settings.nightly_url, "MODELSCOUT_DATABASE_URL", wait_s=wait_s)
    say(f"warehouse: {role} may work for all organizations")
    _prepare_airflow(settings, say, wait_s)


def _prepare_airflow(settings: PrepareSettings, say: Callable[[str], None], wait_s: float) -> None:
    from airflow.configuration import conf

    from modelscout.orchestration.assets import POOLS
    from modelscout.orchestration.bootstrap import bootstrap

    wait_for_database(
        conf.get_mandatory_value("database", "sql_alchemy_conn"), METADATA_VARIABLE, wait_s=wait_s
    )
    bootstrap({})
    say(f"Airflow: metadata is up to date, {len(POOLS)} pools")
    if settings.administrator is not None:
        from modelscout.orchestration.deployment.administrator import grant_menu, make_administrator

        user, password = settings.administrator
        say(f"Airflow: administrator {user} {make_administrator(user, password)}")
        say(f"Airflow: {grant_menu()} roles may now see the page in the navigation")


def wait_for_database(
    url: str,
    variable: str,
    *,
    wait_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once the database of `url` answers. Raises DatabaseUnreachable, which names `variable`, not the URL."""
    deadline = clock() + wait_s
    # Whatever driver Airflow uses: whether the server lets us in is the same question.
    with warehouse(
        make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    ) as engine:
        while (reason := _why_silent(engine)) is not None:
            if clock() >= deadline:
                raise DatabaseUnreachable(
                    f"the database of {variable} does not answer after {wait_s:.0f} s ({reason}): see that it runs "
                    "and that host, user and password are right"
                )
            sleep(1.0)


def _why_silent(engine: Engine) -> str | None:
    """First line of the failure, None where the database answers."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except OperationalError as error:
        return next(iter(str(error.orig).strip().splitlines()), "no answer")
    return None
