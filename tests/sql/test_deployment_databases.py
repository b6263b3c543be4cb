"""deploy/databases.sh, the upgrade as an owner that is no superuser, backup and restore, on a server of their own."""

from __future__ import annotations

import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from modelscout.core.errors import ConfigurationError
from modelscout.demo.instance import free_port
from modelscout.orchestration.deployment.dotenv import SECRETS
from modelscout.warehouse.engine import open_engine, warehouse
from modelscout.warehouse.migrate import pending, upgrade
from modelscout.warehouse.roles import admit_nightly
from topology.server import Server

ROOT = Path(__file__).parents[2]
ORGANIZATION = "INSERT INTO organizations (slug, name) VALUES ('acme', 'Acme')"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="msdeploy"))
    server = Server(folder / "pg", free_port(22000), {s.name: secrets.token_urlsafe(8) for s in SECRETS})
    server.create()
    try:
        upgrade(url(server, "modelscout_owner", "MODELSCOUT_OWNER_PASSWORD"))
        yield server
    finally:
        server.destroy()
        folder.rmdir()


def url(server: Server, role: str, secret: str, database: str = "modelscout") -> str:
    return f"postgresql+psycopg://{role}:{server.secrets[secret]}@127.0.0.1:{server.port}/{database}"


@pytest.fixture
def owner(server: Server) -> Iterator[Engine]:
    with warehouse(url(server, "modelscout_owner", "MODELSCOUT_OWNER_PASSWORD")) as engine:
        yield engine


def nightly(server: Server) -> str:
    return url(server, "modelscout_nightly", "MODELSCOUT_DATABASE_PASSWORD")


def test_an_owner_that_is_no_superuser_migrates_and_admits_the_nightly_login(
    server: Server, owner: Engine
) -> None:
    assert pending(owner) == []
    for _ in range(2):
        admit_nightly(owner, "modelscout_nightly")
    with warehouse(nightly(server)) as engine:
        assert pending(engine) == []
        with engine.begin() as connection:
            connection.execute(text(ORGANIZATION))
        with pytest.raises(ProgrammingError, match="must be owner"), engine.begin() as connection:
            connection.execute(text("DROP TABLE organizations"))


def test_applications_reach_the_warehouse_and_nobody_reaches_the_others_database(
    server: Server, owner: Engine
) -> None:
    admit_nightly(owner, "modelscout_nightly")
    with owner.begin() as connection:
        connection.execute(text("CREATE ROLE shop LOGIN PASSWORD 'shop' IN ROLE modelscout_application"))
        connection.execute(text("CREATE ROLE stranger LOGIN PASSWORD 'stranger'"))
    address = f"127.0.0.1:{server.port}"
    with (
        warehouse(f"postgresql+psycopg://shop:shop@{address}/modelscout") as engine,
        engine.connect() as connection,
    ):
        assert (
            connection.execute(text("SELECT count(*) FROM current_model_recommendations")).scalar_one() == 0
        )
    refused = [
        f"postgresql+psycopg://stranger:stranger@{address}/modelscout",
        url(server, "modelscout_nightly", "MODELSCOUT_DATABASE_PASSWORD", "airflow"),
        url(server, "modelscout_owner", "MODELSCOUT_OWNER_PASSWORD", "airflow"),
        url(server, "airflow", "AIRFLOW_DATABASE_PASSWORD", "modelscout"),
    ]
    for address in refused:
        with (
            pytest.raises(OperationalError, match="permission denied for database"),
            warehouse(address) as engine,
        ):
            engine.connect()


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ("nobody_here", "the login nobody_here does not exist"),
        ("postgres", "postgres owns the warehouse or passes by row-level security"),
        ("modelscout_owner", "modelscout_owner owns the warehouse"),
    ],
)
def test_a_login_that_row_level_security_would_not_bind_is_refused(
    owner: Engine, role: str, told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        admit_nightly(owner, role)


def test_the_script_again_changes_passwords_and_shows_none(server: Server) -> None:
    old = nightly(server)
    _log_every_statement(server)
    server.secrets["MODELSCOUT_DATABASE_PASSWORD"] = "rotated-password"
    done = server.run_databases_script()
    assert "rotated-password" not in done.stdout + done.stderr
    log = (server.folder / "log").read_text()
    assert "statement: SET password_encryption" in log
    assert "rotated-password" not in log
    with warehouse(nightly(server)) as engine, engine.connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == "modelscout_nightly"
    with pytest.raises(OperationalError, match="password authentication failed"), warehouse(old) as engine:
        engine.connect()


def _log_every_statement(server: Server) -> None:
    engine = open_engine(f"postgresql+psycopg://postgres@/postgres?host={server.folder}&port={server.port}")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ALTER SYSTEM SET log_statement = 'all'"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


def test_the_script_refuses_to_run_without_a_password(server: Server) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        server.run_databases_script(MODELSCOUT_OWNER_PASSWORD="")
    assert refused.value.stderr == "MODELSCOUT_OWNER_PASSWORD is not set: run modelscout deployment env\n"


def test_a_backup_restores_rows_roles_and_rights_after_a_loss(
    server: Server, owner: Engine, tmp_path: Path
) -> None:
    admit_nightly(owner, "modelscout_nightly")
    with owner.begin() as connection:
        connection.execute(
            text('CREATE ROLE "odd ""login" LOGIN PASSWORD \'odd\' IN ROLE modelscout_organization')
        )
    before = contents(server)
    owner.dispose()
    name = script(server, "backup.sh", str(tmp_path)).strip()
    assert sorted(path.name for path in (tmp_path / name).iterdir()) == [
        "airflow.dump",
        "modelscout.dump",
        "roles.sql",
    ]
    server.destroy()
    server.create()
    for _ in range(2):
        assert f"restored {name}" in script(server, "restore.sh", str(tmp_path), name)
    assert contents(server) == before
    with warehouse(nightly(server)) as engine, engine.connect() as connection:
        assert (
            connection.execute(text("SELECT has_database_privilege('airflow', 'CONNECT')")).scalar_one()
            is False
        )


def test_a_backup_that_is_not_there_is_refused_before_anything_is_dropped(
    server: Server, tmp_path: Path
) -> None:
    before = contents(server)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        script(server, "restore.sh", str(tmp_path), "20260101T000000Z")
    assert "has no roles.sql" in refused.value.stderr
    assert contents(server) == before


def contents(server: Server) -> list[object]:
    """Rows, memberships, rights and policies."""
    engine = open_engine(f"postgresql+psycopg://postgres@/modelscout?host={server.folder}&port={server.port}")
    statements = (
        "SELECT slug, id::text FROM organizations ORDER BY 1",
        "SELECT migration_id FROM _yoyo_migration ORDER BY 1",
        "SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members ORDER BY 1, 2",
        "SELECT relname, relrowsecurity, relforcerowsecurity, relowner::regrole::text, "
        "array(SELECT unnest(relacl)::text ORDER BY 1) FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
        "SELECT tablename, policyname, roles::text, qual, with_check FROM pg_policies ORDER BY 1, 2",
    )
    with engine.connect() as connection:
        found: list[object] = [list(map(tuple, connection.execute(text(s)).all())) for s in statements]
    engine.dispose()
    return found


def script(server: Server, name: str, *arguments: str) -> str:
    command = ["sh", ROOT / "deploy" / name, *arguments]
    environment = server.client_environment()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    print(done.stderr)
    done.check_returncode()
    return done.stdout
