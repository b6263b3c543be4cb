"""Who may log in to the warehouse for the nightly runs, and that the groups reach its database."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text

from modelscout.core.errors import ConfigurationError

PIPELINE = "modelscout_pipeline"
GROUPS = (PIPELINE, "modelscout_application", "modelscout_organization")


def admit_nightly(engine: Engine, role: str) -> None:
    """Make the login `role` a member of the pipeline's group. Idempotent; as the owner, after the upgrade.

    Raises ConfigurationError where there is no such login, or where row-level security would not bind it.
    """
    with engine.begin() as connection:
        facts = connection.execute(
            text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = :role"), {"role": role}
        ).scalar()
        if facts is None:
            raise ConfigurationError(
                f"the login {role} does not exist: run deploy/databases.sh, or CREATE ROLE {role} LOGIN PASSWORD '…'"
            )
        if facts or _owns_tables(connection, role):
            raise ConfigurationError(
                f"{role} owns the warehouse or passes by row-level security: let MODELSCOUT_DATABASE_URL name a "
                "login of its own for the nightly runs"
            )
        _grant_membership(connection, role)
        _let_groups_connect(connection)


def _owns_tables(connection: Connection, role: str) -> bool:
    statement = "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public' AND tableowner = :role)"
    return bool(connection.execute(text(statement), {"role": role}).scalar_one())


def _grant_membership(connection: Connection, role: str) -> None:
    member = connection.execute(
        text("SELECT pg_has_role(:role, :grp, 'USAGE')"), {"role": role, "grp": PIPELINE}
    )
    if not member.scalar_one():
        quoted = connection.dialect.identifier_preparer.quote(role)
        connection.execute(text(f"GRANT {PIPELINE} TO {quoted}"))


def _let_groups_connect(connection: Connection) -> None:
    """Where nobody may connect without being told (deploy/databases.sh), applications' logins come in as these."""
    name = connection.execute(text("SELECT current_database()")).scalar_one()
    quoted = connection.dialect.identifier_preparer.quote(name)
    connection.execute(text(f"GRANT CONNECT ON DATABASE {quoted} TO {', '.join(GROUPS)}"))
