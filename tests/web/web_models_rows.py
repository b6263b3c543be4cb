"""What the tests of models and of their configuration add to the rows of web_rows.py."""

from __future__ import annotations

from sqlalchemy import Engine, text
from web_rows import ACME, BETA, GOOD_MODEL, HOSTILE, HOSTILE_MODEL

from modelscout.web.ports import Caller

EDITOR = Caller("edith", is_administrator=False)
CHEAP_MODEL = "00000000-0000-0000-0000-0000000000c4"
STATEMENTS: list[tuple[str, dict[str, object]]] = [
    ("INSERT INTO organization_members (user_name, organization_id, role) VALUES ('edith', :o, 'editor')", {"o": ACME}),
    (
        "INSERT INTO ai_models (id, provider, provider_model_id, name, in_catalog, documented_capabilities, "
        "context_window_tokens, retires_on, performance_metrics, use_case_scores) VALUES (:m, 'google', 'cheap', "
        "'Cheap 100%_off', TRUE, '{image_analysis,text_generation}', 1000000, current_date + 20, "
        "'{\"duration_ms\": 120.5, \"n\": 9}', "
        "'{\"real_time\": {\"score\": 91, \"reason\": \"quick\"}, \"high_accuracy\": \"a text\"}')",
        {"m": CHEAP_MODEL},
    ),
    (
        "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
        "input_usd_per_million_tokens, output_usd_per_million_tokens, source) VALUES "
        "('google', 'cheap', 'standard', '2026-01-01', 0.1, 0.4, :s), "
        "('google', 'cheap', 'standard', now() + interval '10 days', 0.05, 0.2, :s)",
        {"s": HOSTILE},
    ),
    (
        "INSERT INTO ai_model_availability (organization_id, model_id, status, reason, first_seen_at, "
        "last_seen_at, checked_at) VALUES (:o, :m, 'active', :r, now(), now(), now())",
        {"o": ACME, "m": CHEAP_MODEL, "r": HOSTILE},
    ),
    (
        "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference) VALUES "
        "(:o, 'google', 'llm__acme__google'), (:o, 'anthropic', 'llm__acme__anthropic')",
        {"o": ACME},
    ),
    (
        "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) VALUES (:o, 'chat', :m)",
        {"o": ACME, "m": CHEAP_MODEL},
    ),
    (
        "INSERT INTO model_events (organization_id, model_id, kind, natural_key, details, occurred_at) VALUES "
        "(:a, :m, 'drifted', 'a', '{\"reason\": \"<b>ours</b>\"}', now()), "
        "(:b, :m, 'drifted', 'b', '{\"reason\": \"foreign trouble\"}', now()), "
        "(NULL, :m, 'price_changed', 'c', '{}', now())",
        {"a": ACME, "b": BETA, "m": CHEAP_MODEL},
    ),
    (
        "INSERT INTO ai_model_analytics (organization_id, model_id, feature_id, date, total_requests, "
        "success_count, duration_sum_ms, duration_count, total_cost, priced_requests) VALUES "
        "(:a, :m, 'chat', current_date - 1, 100, 98, 50000, 100, 12.5, 100), "
        "(:b, :m, 'chat', current_date - 1, 7777, 7000, 1, 1, 999, 7777)",
        {"a": ACME, "b": BETA, "m": CHEAP_MODEL},
    ),
    (
        "INSERT INTO ai_benchmark_runs (id, kind, seed, spend_limit_usd, status, started_at) "
        "VALUES (:r, 'nightly', 1, 1, 'finished', now())",
        {"r": GOOD_MODEL},
    ),
    (
        "INSERT INTO ai_benchmark_results (organization_id, run_id, feature_id, model_id, source, suite, case_key, "
        "score, duration_ms, finished_at) VALUES (NULL, :r, 'chat', :m, 'platform', 'chat/1', 'c', 0.5, 100, now()), "
        "(:b, :r, 'chat', :m, 'replay', 'replay/foreign', 'c', 1, 100, now())",
        {"r": GOOD_MODEL, "b": BETA, "m": CHEAP_MODEL},
    ),
]  # fmt: skip


def add_model_rows(engine: Engine) -> None:
    """Once, after the rows of web_rows.py."""
    with engine.begin() as connection:
        for statement, values in STATEMENTS:
            connection.execute(text(statement), values)


def reset_settings(engine: Engine) -> None:
    """As if nobody had configured a model yet."""
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM ai_model_settings"))
        connection.execute(text("TRUNCATE audit_log CASCADE"))


__all__ = ["CHEAP_MODEL", "EDITOR", "HOSTILE_MODEL", "add_model_rows", "reset_settings"]
