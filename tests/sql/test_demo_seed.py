"""The demo in a real Postgres: fast, marked as simulated, and never doubled."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from modelscout.demo.scenario import ASSIGNMENTS, ORGANIZATIONS, demo_keys
from modelscout.demo.seed import SeedCounts, seed

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
GENEROUS_SEED_S = 40
"""The seed takes 5 to 10 s; the test machine may be busy."""
TABLES = (
    "organizations", "ai_features", "ai_models", "ai_feature_settings", "organization_provider_keys",
    "ai_usage_events", "ai_usage_outcomes", "ai_workload_samples",
)  # fmt: skip


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


@pytest.fixture(scope="module")
def seeded(warehouse_url: str, data_folder: Path, lines: list[str]) -> SeedCounts:
    start = time.monotonic()
    counts = seed(warehouse_url, now=NOW, data_folder=data_folder, progress=lines.append)
    assert time.monotonic() - start < GENEROUS_SEED_S
    return counts


def digests(engine: Engine) -> dict[str, tuple[int, str]]:
    """Count and content of every table that the seed writes, apart from transaction ids and write times."""
    found = {}
    with engine.connect() as connection:
        for table in TABLES:
            row = connection.execute(
                text(
                    "SELECT count(*), coalesce(sum(hashtextextended((to_jsonb(t) - 'added_by' - 'updated_at')"
                    f"::text, 0)::numeric), 0)::text FROM {table} AS t"
                )
            ).one()
            found[table] = (row[0], row[1])
    return found


def one(engine: Engine, sql: str, **parameters: Any) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(sql), parameters).scalar_one()


def test_the_demo_is_as_large_as_promised(seeded: SeedCounts, lines: list[str]) -> None:
    assert seeded.events >= 200_000
    assert 0.1 < seeded.outcomes / seeded.events < 0.2
    assert seeded.organizations == len(ORGANIZATIONS)
    assert seeded.settings == len(ASSIGNMENTS)
    assert seeded.samples == sum(a.samples for a in ASSIGNMENTS)
    assert len(lines) == len(ORGANIZATIONS) + 2


def test_all_is_marked_as_simulated(seeded: SeedCounts, engine: Engine) -> None:
    for table in ("organizations", "ai_usage_events", "ai_workload_samples"):
        assert one(engine, f"SELECT count(*) FROM {table} WHERE NOT simulated") == 0


def test_events_name_the_assigned_model(seeded: SeedCounts, engine: Engine) -> None:
    stray = one(
        engine,
        "SELECT count(*) FROM ai_usage_events AS e LEFT JOIN feature_assignments AS a "
        "ON e.organization_id = a.organization_id AND e.feature_id = a.feature_id "
        "AND e.provider = a.provider AND e.requested_model = a.model WHERE a.feature_id IS NULL",
    )
    assert stray == 0
    assert one(engine, "SELECT count(*) FROM ai_usage_events WHERE NOT workload ? 'complexity'") == 0


def test_outcomes_belong_to_successes(seeded: SeedCounts, engine: Engine) -> None:
    stray = one(
        engine,
        "SELECT count(*) FROM ai_usage_outcomes AS o WHERE NOT EXISTS (SELECT FROM ai_usage_events AS e "
        "WHERE e.organization_id = o.organization_id AND e.request_id = o.request_id "
        "AND e.error_type IS NULL AND e.occurred_at < o.recorded_at)",
    )
    assert stray == 0
    assert one(engine, "SELECT max(recorded_at) FROM ai_usage_outcomes") <= NOW


def test_a_retry_follows_its_first_attempt(seeded: SeedCounts, engine: Engine) -> None:
    stray = one(
        engine,
        "SELECT count(*) FROM ai_usage_events AS second WHERE attempt = 2 AND NOT EXISTS (SELECT FROM "
        "ai_usage_events AS first WHERE first.organization_id = second.organization_id "
        "AND first.request_id = second.request_id AND first.attempt = 1 AND first.error_type IS NOT NULL "
        "AND first.occurred_at < second.occurred_at)",
    )
    assert stray == 0


def test_samples_have_the_incumbents_answer(seeded: SeedCounts, engine: Engine) -> None:
    incomplete = one(
        engine,
        "SELECT count(*) FROM ai_workload_samples AS w LEFT JOIN ai_feature_settings AS s "
        "ON w.organization_id = s.organization_id AND w.feature_id = s.feature_id "
        "WHERE w.baseline_model_id IS DISTINCT FROM s.current_model_id OR w.baseline_score IS NULL "
        "OR w.sampled_at >= :now OR w.expires_at <= :now",
        now=NOW,
    )
    assert incomplete == 0


def test_no_key_is_in_the_database(seeded: SeedCounts, engine: Engine, data_folder: Path) -> None:
    patterns = [f"%{key}%" for key in demo_keys(data_folder).values()]
    for table in (*TABLES, "audit_log", "alerts"):
        sql = f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE ANY(:patterns)"
        assert one(engine, sql, patterns=patterns) == 0
    references = one(
        engine, "SELECT count(*) FROM organization_provider_keys WHERE secret_reference ~ '^llm__'"
    )
    assert references == len(demo_keys(data_folder))


@pytest.mark.verify
def test_seeding_twice_changes_nothing(
    seeded: SeedCounts, engine: Engine, warehouse_url: str, data_folder: Path
) -> None:
    before = digests(engine)
    assert seed(warehouse_url, now=NOW, data_folder=data_folder) == seeded
    assert digests(engine) == before


def test_the_pipelines_role_may_seed(
    seeded: SeedCounts, engine: Engine, warehouse_url: str, data_folder: Path
) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE ROLE demo_pipeline LOGIN IN ROLE modelscout_pipeline"))
    url = warehouse_url.replace("postgres@", "demo_pipeline@")
    assert seed(url, now=NOW, data_folder=data_folder) == seeded


def test_a_persons_setting_stays(
    seeded: SeedCounts, engine: Engine, warehouse_url: str, data_folder: Path
) -> None:
    change = "UPDATE ai_feature_settings SET margin = :margin, auto_apply = :auto WHERE feature_id = 'search'"
    with engine.begin() as connection:
        connection.execute(text(change), {"margin": 0.02, "auto": True})
    seed(warehouse_url, now=NOW, data_folder=data_folder)
    kept = one(
        engine, "SELECT auto_apply AND margin = 0.02 FROM ai_feature_settings WHERE feature_id = 'search'"
    )
    assert kept


def test_a_day_later_nothing_is_doubled(
    seeded: SeedCounts, engine: Engine, warehouse_url: str, data_folder: Path
) -> None:
    """Runs last: it adds a day to the module's database."""
    per_day = "SELECT count(*) FROM ai_usage_events WHERE occurred_at < :day"
    known = one(engine, per_day, day=NOW)
    grown = seed(warehouse_url, now=LATER, data_folder=data_folder)
    assert one(engine, per_day, day=NOW) == known
    assert 4_000 < grown.events - seeded.events < 12_000
    assert grown.samples == seeded.samples
    doubled = one(
        engine,
        "SELECT count(*) FROM (SELECT FROM ai_usage_events GROUP BY organization_id, request_id, attempt "
        "HAVING count(*) > 1) AS d",
    )
    assert doubled == 0
    late = one(
        engine,
        "SELECT count(*) FROM ai_usage_outcomes AS o INNER JOIN ai_usage_events AS e "
        "ON o.organization_id = e.organization_id AND o.request_id = e.request_id "
        "WHERE e.occurred_at < :now AND o.recorded_at > :now",
        now=NOW,
    )
    assert late > 0
