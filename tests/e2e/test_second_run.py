"""`make run` twice at the same fixed moment: the same rows, nothing twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from e2e.conftest import run_modelscout
from modelscout.demo.postgres import start_postgres, stop_postgres
from modelscout.warehouse.engine import open_engine

pytestmark = [pytest.mark.end_to_end, pytest.mark.verify, pytest.mark.timeout(900)]
GROWING = {"ai_benchmark_runs", "recommender_runs", "data_quality_results", "audit_log"}
"""Tables that say what was done when: a second night adds a row of its own."""


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="msagain"))
    yield path
    stop_postgres(path / "postgres")
    shutil.rmtree(path, ignore_errors=True)


def test_the_second_run_of_the_same_moment_changes_nothing(folder: Path) -> None:
    content = []
    for _ in range(2):
        completed = run_modelscout(folder, timeout_s=600)
        assert completed.returncode == 0, completed.stdout[-3000:]
        content.append(_content(folder))
    before, after = content
    assert {name: after[name] for name in before if before[name] != after[name]} == {}
    assert before["ai_usage_events"][0] >= 200_000


def _content(folder: Path) -> dict[str, tuple[int, str | None]]:
    """Rows and a checksum of every table of the warehouse that is not a log."""
    databases = start_postgres(folder / "postgres")
    engine = open_engine(databases.owner_url)
    try:
        with engine.connect() as connection:
            tables = connection.execute(
                text(
                    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                    "AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT LIKE '%yoyo%'"
                )
            ).scalars()
            return {name: _checksum(connection, name) for name in sorted(set(tables) - GROWING)}
    finally:
        engine.dispose()
        databases.stop()


def _checksum(connection: object, table: str) -> tuple[int, str | None]:
    # Rewritten rows: when and by which transaction is not what they say.
    volatile = "'added_by' - 'received_at' - 'updated_at' - 'added_before' - 'sequence'"
    if table in ("ai_model_recommendations", "evidence_streams"):
        volatile += " - 'evidence' - 'state'"
    statement = text(
        f"SELECT count(*), md5(string_agg(md5((to_jsonb(t) - {volatile})::text), '' "
        f"ORDER BY md5((to_jsonb(t) - {volatile})::text))) FROM {table} AS t"
    )
    row = connection.execute(statement).one()  # type: ignore[attr-defined]
    return int(row[0]), row[1]
