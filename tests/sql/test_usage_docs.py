"""The examples of docs/usage.md, run as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from modelscout.cli import main

PAGE = Path(__file__).parents[2] / "docs/usage.md"
ACME = uuid.UUID(int=0xAA)


def blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.fixture(autouse=True)
def warehouse(engine: Engine, monkeypatch: pytest.MonkeyPatch, warehouse_url: str, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE ai_usage_events, ai_usage_outcomes, ai_usage_imports, ai_usage_quarantine, "
                "organizations CASCADE"
            )
        )
        connection.execute(
            text("SELECT modelscout.ensure_usage_partitions(current_date - 1, current_date + 1)")
        )
        connection.execute(
            text("INSERT INTO organizations (id, name, slug) VALUES (:o, 'A', 'acme')"), {"o": ACME}
        )
    monkeypatch.setenv("MODELSCOUT_DATABASE_URL", warehouse_url)
    monkeypatch.setenv("MODELSCOUT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("MODELSCOUT_NOW", raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_insert_of_an_application(engine: Engine) -> None:
    event, outcome = blocks("sql")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for part in (event + outcome).split(";"):
            if part.strip():
                connection.exec_driver_sql(part)
        judged = (
            "SELECT count(*) FROM ai_usage_events JOIN ai_usage_outcomes USING (organization_id, request_id)"
        )
        assert connection.execute(text(judged)).scalar() == 1


def test_the_recorder(engine: Engine) -> None:
    [program] = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "2\n"
    with engine.connect() as connection:
        assert connection.execute(text("SELECT score FROM ai_usage_outcomes")).scalar() == 1


def test_the_import_and_the_replay(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODELSCOUT_NOW", "2026-11-23T12:00:00+00:00")
    [
        Path(name).write_text(blocks(kind)[0])
        for name, kind in (("calls.csv", "csv"), ("mapping.yaml", "yaml"))
    ]
    [transcript] = blocks("console")
    for command, answer in re.findall(r"^\$ modelscout (.+)\n((?:[^$].*\n)*)", transcript, re.MULTILINE):
        assert main(shlex.split(command)) == 0
        assert capsys.readouterr().out == answer
