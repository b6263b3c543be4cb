"""Events for the tests of the rollup, and what it made of them. Used by test_rollup_kill.py and others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TABLES = ("ai_model_analytics", "ai_model_analytics_hourly", "ai_usage_priced_sums", "ai_organization_days")
WHEN_MADE = {"id", "created_at", "rolled_up_at"}
"""Columns that say when a row was made, not what is in it."""

EVENTS = """
INSERT INTO ai_usage_events (
    organization_id, feature_id, provider, requested_model, request_id, occurred_at, input_tokens, output_tokens,
    cache_read_tokens, duration_ms, error_type, user_hash, confidence
)
SELECT
    ('00000000-0000-0000-0000-' || lpad(to_hex(i % 7 + 10), 12, '0'))::uuid,
    CASE WHEN i % 3 = 0 THEN 'chat' ELSE 'search' END,
    'openai',
    CASE WHEN i % 5 = 0 THEN 'unknown-' || i % 2 ELSE 'luna' END,
    'r' || i,
    timestamptz '2026-11-20Z' + (i * 9973 % 259200) * interval '1 second',
    100 + i % 900,
    i % 300,
    i % 4 * 20,
    i % 5000,
    CASE WHEN i % 20 = 0 THEN 'timeout' END,
    'u' || i % 400,
    (i % 10) / 10.0
FROM generate_series(1, :count) AS i
"""


def fill(engine: Engine, count: int) -> None:
    """Seven organizations with `count` events on three days, some of models that nobody knows, and outcomes."""
    with engine.begin() as c:
        c.execute(text("SELECT modelscout.ensure_usage_partitions('2026-11-19', '2026-11-24')"))
        c.execute(
            text(
                "INSERT INTO organizations (id, slug) SELECT ('00000000-0000-0000-0000-' || "
                "lpad(to_hex(i), 12, '0'))::uuid, 'o' || i FROM generate_series(10, 16) AS i"
            )
        )
        c.execute(
            text(
                "INSERT INTO ai_models (provider, provider_model_id, name) VALUES ('openai', 'luna', 'Luna')"
            )
        )
        c.execute(
            text(
                "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, source, "
                "input_usd_per_million_tokens, output_usd_per_million_tokens, cache_read_usd_per_million_tokens) "
                "VALUES ('openai', 'luna', 'standard', '2026-01-01', 'test', 0.137, 0.731, 0.013)"
            )
        )
        c.execute(text(EVENTS), {"count": count})
        c.execute(
            text(
                "INSERT INTO ai_usage_outcomes SELECT organization_id, request_id, 'check', "
                "(abs(hashtext(request_id)) % 5) / 4.0, :now FROM ai_usage_events WHERE hashtext(request_id) % 10 = 0"
            ),
            {"now": NOW},
        )


def forget_rollup(engine: Engine) -> None:
    """As before the first rollup."""
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE usage_rollup_state, {', '.join(TABLES)}"))


def rolled_up(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Every row of the rollup, without when it was made."""
    with engine.connect() as connection:
        found = {
            table: [
                {name: value for name, value in row.items() if name not in WHEN_MADE}
                for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()
            ]
            for table in TABLES
        }
    return {table: sorted(rows, key=str) for table, rows in found.items()}
