"""docs/analytics.md says what each index of the large usage tables is for."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Engine, text

PAGE = Path(__file__).parents[2] / "docs/analytics.md"
TABLES = (
    "ai_usage_events",
    "ai_usage_outcomes",
    "ai_model_analytics",
    "ai_model_analytics_hourly",
    "ai_usage_quarantine",
)
INDEXES = (
    "SELECT i.indexrelid::regclass::text, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_index AS i "
    "JOIN pg_attribute AS a ON a.attrelid = i.indexrelid "
    "WHERE i.indrelid = ANY(cast(cast(:tables AS text[]) AS regclass[])) GROUP BY i.indexrelid"
)


def test_every_index_of_the_usage_tables_is_listed_with_its_columns(engine: Engine) -> None:
    with engine.connect() as connection:
        found = dict(connection.execute(text(INDEXES), {"tables": list(TABLES)}).tuples().all())
    section = PAGE.read_text(encoding="utf-8").partition("## Indexes")[2].partition("\n## ")[0]
    listed = dict(re.findall(r"^\| `(ai_\w+)` \| ([^|]+) \| [^|]{10,}\|$", section, re.MULTILINE))
    assert {name: re.sub(r", those .*", "", columns).split(", ") for name, columns in listed.items()} == found


def test_what_is_said_to_read_an_index_exists() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Indexes")[2].partition("\n## ")[0]
    readers = {name for row in re.findall(r"^\| `ai_.*\| (.+) \|$", section, re.MULTILINE)
               for name in re.findall(r"`([a-z_]+)`", row)}  # fmt: skip
    assert len(readers) > 20
    assert readers <= {path.stem for path in (PAGE.parents[1] / "sql").glob("*/*.sql")}


def test_outcomes_that_wait_are_found_among_those_that_do_not(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE ai_usage_outcomes"))
        connection.execute(
            text(
                "INSERT INTO ai_usage_outcomes (organization_id, request_id, kind, score, recorded_at, call_found) "
                "SELECT gen_random_uuid(), 'r' || n, 'check', 1, now(), n % 100 > 0 FROM generate_series(1, 20000) n"
            )
        )
        connection.execute(text("ANALYZE ai_usage_outcomes"))
        plan = connection.execute(
            text("EXPLAIN SELECT * FROM ai_usage_outcomes WHERE NOT call_found AND received_at < now()")
        ).scalars()
        assert "ai_usage_outcomes_waiting" in "".join(plan)
        connection.execute(text("TRUNCATE ai_usage_outcomes"))
