"""The upgrade on an empty database, beside an application's tables, twice in a row and twice at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import open_engine
from modelscout.warehouse.migrate import pending, upgrade

DESIGN_TABLES = [
    "organizations",
    "ai_models",
    "ai_model_analytics",
    "ai_model_recommendations",
    "ai_usage_events",
    "ai_usage_outcomes",
    "ai_usage_quarantine",
    "ai_model_prices",
    "ai_model_availability",
    "ai_model_capabilities",
    "ai_benchmark_runs",
    "ai_benchmark_results",
    "ai_workload_samples",
    "ai_features",
    "ai_feature_settings",
    "ai_model_settings",
    "organization_provider_keys",
    "organization_members",
    "organization_roles",
    "spend_reservations",
    "recommender_runs",
    "recommendation_outcomes",
    "recommendation_ratings",
    "model_events",
    "alerts",
    "audit_log",
    "data_quality_results",
    "current_model_recommendations",
    "model_catalog",
    "feature_assignments",
]


def test_upgrade_makes_every_table_of_the_design_and_a_second_one_does_nothing(
    empty_database_url: str,
) -> None:
    assert len(upgrade(empty_database_url)) >= 5
    assert upgrade(empty_database_url) == []
    engine = open_engine(empty_database_url)
    assert pending(engine) == []
    with engine.connect() as connection:
        missing = [
            t for t in DESIGN_TABLES if not connection.execute(text(f"SELECT to_regclass('{t}')")).scalar()
        ]
    engine.dispose()
    assert missing == []


def test_upgrade_twice_at_once_applies_each_migration_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        applied = list(pool.map(upgrade, [empty_database_url] * 2))
    assert sorted(len(names) > 0 for names in applied) == [False, True]


def test_upgrade_keeps_an_applications_own_tables_and_columns(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE organizations (id uuid PRIMARY KEY, name text NOT NULL, plan text)")
        )
        connection.execute(
            text("CREATE TABLE ai_models (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), label text)")
        )
        connection.execute(text("INSERT INTO organizations VALUES (gen_random_uuid(), 'Acme', 'gold')"))
        connection.execute(text("INSERT INTO ai_models (label) VALUES ('theirs')"))
    upgrade(empty_database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT plan FROM organizations")).scalar() == "gold"
        assert connection.execute(text("SELECT label FROM ai_models")).scalar() == "theirs"
        assert connection.execute(text("SELECT performance_metrics FROM ai_models")).scalar() == {}
    engine.dispose()


@pytest.mark.parametrize(
    ("ddl", "named"),
    [
        ("CREATE TABLE ai_models (id bigint PRIMARY KEY)", "ai_models.id is bigint"),
        ("CREATE TABLE ai_models (id uuid PRIMARY KEY, label text NOT NULL)", "ai_models.label is NOT NULL"),
    ],
)
def test_upgrade_refuses_tables_it_cannot_live_with(empty_database_url: str, ddl: str, named: str) -> None:
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text(ddl))
    engine.dispose()
    with pytest.raises(ConfigurationError, match=named):
        upgrade(empty_database_url)
