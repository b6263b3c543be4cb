"""`deployment env` and what `deployment prepare` asks for before it touches anything."""

from __future__ import annotations

import base64
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelscout.cli import main
from modelscout.core.errors import ConfigurationError
from modelscout.demo.dotenv import read_dotenv
from modelscout.orchestration.deployment.dotenv import SECRETS, write_env
from modelscout.orchestration.deployment.prepare import (
    AIRFLOW_SECRETS,
    DatabaseUnreachable,
    PrepareSettings,
    wait_for_database,
)

FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
COMPLETE = {
    "AIRFLOW__CORE__AUTH_MANAGER": FAB,
    "AIRFLOW_ADMIN_PASSWORD": "admin-secret",
    "MODELSCOUT_OWNER_DATABASE_URL": "postgresql+psycopg://owner:owner-secret@host/modelscout",
    "MODELSCOUT_DATABASE_URL": "postgresql+psycopg://nightly:nightly-secret@host/modelscout",
    **dict.fromkeys(AIRFLOW_SECRETS, "airflow-secret"),
}


def test_the_file_is_private_and_its_secrets_are_strong_and_its_own(tmp_path: Path) -> None:
    write_env(tmp_path / "a")
    write_env(tmp_path / "b")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    first, second = read_dotenv(tmp_path / "a"), read_dotenv(tmp_path / "b")
    values = [found[secret.name] for found in (first, second) for secret in SECRETS]
    assert len(set(values)) == len(values)
    # 256 bits, and nothing that a URL, a shell or compose reads as more than a letter.
    assert all(
        len(value) >= 43 and value.replace("-", "").replace("_", "").strip("=").isalnum() for value in values
    )
    assert len(base64.urlsafe_b64decode(first["AIRFLOW_FERNET_KEY"])) == 32
    assert len(first["AIRFLOW_JWT_SECRET"]) >= 64
    assert first["COMPOSE_PROJECT_NAME"] == "modelscout"
    assert first["MODELSCOUT_BACKUP_USER"] == f"{os.getuid()}:{os.getgid()}"


def test_an_existing_file_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / ".env"
    path.write_text("MINE=1\n")
    assert main(["deployment", "env", "--file", str(path)]) == 2
    assert path.read_text() == "MINE=1\n"
    assert capsys.readouterr().err.startswith(f"modelscout: {path} exists and is left as it is")


def test_of_many_at_once_one_writes_and_nothing_else_is_left(tmp_path: Path) -> None:
    def attempt(_number: int) -> bool:
        try:
            write_env(tmp_path / ".env")
        except ConfigurationError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_what_is_printed_holds_no_secret_and_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deployment", "env", "--file", str(tmp_path / "a")]) == 0
    assert main(["deployment", "env", "--file", str(tmp_path / "b"), "--json"]) == 0
    printed = capsys.readouterr().out
    assert "docker compose up -d --wait" in printed
    assert json.loads(printed[printed.index("{") :])["path"] == str(tmp_path / "b")
    for name in ("a", "b"):
        assert not any(read_dotenv(tmp_path / name)[secret.name] in printed for secret in SECRETS)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing/\.env cannot be written"):
        write_env(tmp_path / "missing" / ".env")


@pytest.mark.parametrize("name", sorted(set(COMPLETE) - {"AIRFLOW__CORE__AUTH_MANAGER"}))
@pytest.mark.parametrize("value", ["", "  ", None])
def test_a_missing_secret_is_named_with_the_remedy(name: str, value: str | None) -> None:
    environment = {key: text for key, text in COMPLETE.items() if key != name}
    if value is not None:
        environment[name] = value
    with pytest.raises(ConfigurationError) as refused:
        PrepareSettings.from_environment(environment)
    assert f"not set: {name}." in str(refused.value)
    assert "modelscout deployment env" in str(refused.value)
    assert "-secret" not in str(refused.value)


def test_airflows_secrets_may_come_from_a_command_or_a_secrets_backend() -> None:
    environment = dict(COMPLETE)
    del environment["AIRFLOW__CORE__FERNET_KEY"], environment["AIRFLOW__API_AUTH__JWT_SECRET"]
    environment |= {"AIRFLOW__CORE__FERNET_KEY_CMD": "cat key", "AIRFLOW__API_AUTH__JWT_SECRET_SECRET": "jwt"}
    assert PrepareSettings.from_environment(environment).administrator == ("admin", "admin-secret")


def test_without_fab_no_administrator_is_asked_for() -> None:
    environment = {**COMPLETE, "AIRFLOW__CORE__AUTH_MANAGER": "other.Manager"}
    del environment["AIRFLOW_ADMIN_PASSWORD"]
    assert PrepareSettings.from_environment(environment).administrator is None


def test_settings_show_no_secret() -> None:
    assert "-secret" not in repr(PrepareSettings.from_environment(COMPLETE))


def test_a_database_that_stays_away_is_named_without_its_password() -> None:
    slept: list[float] = []
    with pytest.raises(DatabaseUnreachable) as refused:
        wait_for_database(
            "postgresql+psycopg2://airflow:hidden@127.0.0.1:1/airflow",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
            wait_s=3,
            clock=lambda: float(len(slept)),
            sleep=slept.append,
        )
    assert slept == [1.0, 1.0, 1.0]
    assert "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN does not answer after 3 s" in str(refused.value)
    assert "hidden" not in str(refused.value)
