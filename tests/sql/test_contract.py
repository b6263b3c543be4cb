"""docs/contract.md against the database: the views' columns, the version, and the examples as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selection_support import ACME, GLOBEX, assign, change, fill, recommend
from sqlalchemy import Engine, text

from modelscout.warehouse.engine import open_engine

PAGE = (Path(__file__).parents[2] / "docs/contract.md").read_text(encoding="utf-8")
VIEWS = ("feature_assignments", "current_model_recommendations", "model_catalog")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module", autouse=True)
def warehouse(warehouse_url: str) -> Iterator[Engine]:
    engine = open_engine(warehouse_url)
    change(engine, "CREATE ROLE contract_app LOGIN IN ROLE modelscout_application")
    change(engine, "CREATE ROLE contract_acme LOGIN IN ROLE modelscout_organization")
    fill(engine)
    change(engine, "INSERT INTO organization_roles VALUES ('contract_acme', :o)", o=ACME)
    assign(engine, ACME, "chat", "openai/luna", "google/flash", "anthropic/haiku")
    assign(engine, GLOBEX, "chat", "anthropic/sonnet")
    recommend(engine, "chat", "openai/terra", status="accepted")
    change(engine, "UPDATE ai_model_recommendations SET valid_until = 'infinity'")
    yield engine
    engine.dispose()


@pytest.mark.parametrize("view", VIEWS)
def test_the_columns_are_those_of_the_page(warehouse: Engine, view: str) -> None:
    _, _, after = PAGE.partition(f"\n`{view}`: ")
    table = after.partition("|---|---|---|\n")[2].partition("\n\n")[0]
    promised = [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in table.splitlines()]
    with warehouse.connect() as connection:
        found = connection.execute(
            text(
                "SELECT a.attname, split_part(format_type(a.atttypid, NULL), '(', 1) FROM pg_attribute AS a "
                "WHERE a.attrelid = cast(:v AS regclass) AND a.attnum > 0 ORDER BY a.attnum"
            ),
            {"v": view},
        ).all()
    assert [tuple(row) for row in found] == promised


def test_the_version_is_that_of_the_page(warehouse: Engine) -> None:
    [version] = re.findall(r"\*\*(Contract \d+\.\d+)\.\*\*", PAGE)
    with warehouse.connect() as connection:
        for view in VIEWS:
            assert connection.execute(
                text("SELECT obj_description(cast(:v AS regclass))"), {"v": view}
            ).scalar() == (version)


@pytest.mark.parametrize("role", ["contract_app", "contract_acme"])
def test_both_kinds_of_login_read_every_view_and_change_none(warehouse_url: str, role: str) -> None:
    engine = open_engine(warehouse_url.replace("postgres@", f"{role}@"))
    with engine.connect() as connection:
        for view in VIEWS:
            connection.execute(text(f"SELECT * FROM {view}"))
            for right in ("INSERT", "UPDATE", "DELETE"):
                assert not connection.execute(
                    text("SELECT has_table_privilege(cast(:v AS regclass), :r)"), {"v": view, "r": right}
                ).scalar()
    engine.dispose()


def test_the_sql_for_an_application(warehouse_url: str) -> None:
    scoped, question = blocks("sql")
    begin, scope, read, commit = [part.strip() for part in scoped.split(";") if part.strip()]
    assert (begin, commit) == ("BEGIN", "COMMIT")
    engine = open_engine(warehouse_url.replace("postgres@", "contract_app@"))
    with engine.begin() as connection:
        assert connection.exec_driver_sql(read).all() == []
        connection.exec_driver_sql(scope)
        assert [tuple(row)[:3] for row in connection.exec_driver_sql(read)] == [("chat", "openai", "luna")]
        [row] = connection.exec_driver_sql(question).all()
    engine.dispose()
    assert tuple(row) == ("openai", "luna", {}, ["google/flash", "anthropic/haiku"], "openai", "terra")


def test_the_python_examples(warehouse_url: str) -> None:
    environment = {
        **os.environ,
        "APPLICATION_DATABASE_URL": warehouse_url.replace("postgres@", "contract_app@"),
        "ORGANIZATION_DATABASE_URL": warehouse_url.replace("postgres@", "contract_acme@").replace(
            "+psycopg", ""
        ),
    }
    shown = [
        subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for program in blocks("python")
    ]
    assert shown == [
        "('openai', 'luna', {})\n",
        "{'provider': 'openai', 'model': 'luna', 'parameters': {}}\n",
    ]


def test_the_typescript_example_asks_for_what_the_views_have(warehouse_url: str) -> None:
    [program] = blocks("typescript")
    [question] = re.findall(r"`(SELECT .*?)`", program, re.DOTALL)
    engine = open_engine(warehouse_url.replace("postgres@", "contract_acme@"))
    with engine.connect() as connection:
        [row] = connection.exec_driver_sql(question.replace("$1", "'chat'")).all()
    engine.dispose()
    fields = re.findall(
        r"^  (\w+):", program.partition("interface Assignment {")[2].partition("}")[0], re.MULTILINE
    )
    assert list(row._mapping) == fields
