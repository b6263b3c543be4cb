"""`modelscout db upgrade`: applies sql/migrations in order, once each, also when started twice at once."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL, make_url

from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import MINIMUM_SERVER_VERSION, open_engine
from modelscout.warehouse.sqlfiles import sql_root

LOCK_KEY = 4_301_190_001
"""Advisory lock of the upgrade; dies with its connection, so that a killed upgrade blocks nobody."""


def upgrade(url: str) -> list[str]:
    """Apply what is missing and return the ids of the migrations applied now. Raises ConfigurationError."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            _check_server(connection)
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK_KEY})
            connection.commit()
            try:
                _check_existing_tables(connection)
                connection.commit()
                return _apply(engine.url)
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK_KEY})
                connection.commit()
    finally:
        engine.dispose()


def pending(engine: Engine) -> list[str]:
    """Ids of the migrations that are not applied yet."""
    names = sorted(path.stem for path in (sql_root() / "migrations").glob("*.sql"))
    with engine.connect() as connection:
        if connection.execute(text("SELECT to_regclass('public._yoyo_migration')")).scalar() is None:
            return names
        applied = set(connection.execute(text("SELECT migration_id FROM public._yoyo_migration")).scalars())
    return [name for name in names if name not in applied]


def _apply(url: URL) -> list[str]:
    from yoyo import get_backend, read_migrations

    # yoyo's own lock is a row, which a killed process leaves behind; the advisory lock replaces it.
    backend = get_backend(_yoyo_uri(url))
    try:
        todo = backend.to_apply(read_migrations(str(sql_root() / "migrations")))
        names = [migration.id for migration in todo]
        backend.apply_migrations(todo)
    finally:
        backend.connection.close()
    return names


def _yoyo_uri(url: URL) -> str:
    return (
        make_url(url).update_query_dict({"options": "-c timezone=UTC"}).render_as_string(hide_password=False)
    )


def _check_server(connection: Connection) -> None:
    version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    if version < MINIMUM_SERVER_VERSION:
        raise ConfigurationError(
            f"PostgreSQL {version // 10000} is too old: the warehouse needs PostgreSQL 15 or newer"
        )


def _check_existing_tables(connection: Connection) -> None:
    """An application's own tables must leave room for our rows."""
    wrong_id = connection.execute(
        text(
            "SELECT table_name, data_type FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name IN ('organizations', 'ai_models') "
            "AND column_name = 'id' AND data_type <> 'uuid'"
        )
    ).first()
    if wrong_id is not None:
        raise ConfigurationError(
            f"{wrong_id.table_name}.id is {wrong_id.data_type}: the warehouse needs uuid ids; "
            "install it in a database of its own and copy the organizations there"
        )
    blocking = (
        connection.execute(
            text(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' "
                "AND table_name = 'ai_models' AND is_nullable = 'NO' AND column_default IS NULL "
                "AND is_identity = 'NO' AND is_generated = 'NEVER' "
                "AND column_name NOT IN ('id', 'provider', 'provider_model_id', 'name')"
            )
        )
        .scalars()
        .all()
    )
    if blocking:
        raise ConfigurationError(
            f"ai_models.{blocking[0]} is NOT NULL without a default, so that discovered models cannot be "
            f"added: ALTER TABLE ai_models ALTER COLUMN {blocking[0]} SET DEFAULT …"
        )
