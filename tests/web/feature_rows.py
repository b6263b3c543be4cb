"""Rows for the views of features and benchmarks: an editor, keys, prices, runs, hostile texts."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, text
from web_rows import ACME, BETA, GOOD_MODEL, HOSTILE, HOSTILE_MODEL

from modelscout.web.ports import Caller

EDITH = Caller("edith", is_administrator=False)
"""Changes Acme, sees nothing else."""
ACME_RUN = "00000000-0000-0000-0000-0000000000e1"
BETA_RUN = "00000000-0000-0000-0000-0000000000e2"
NIGHT_RUN = "00000000-0000-0000-0000-0000000000e3"
BETA_TEST = "00000000-0000-0000-0000-0000000000e4"
RUN_COLUMNS = "(id, kind, organization_ids, asked, seed, spend_limit_usd, status, started_at, run_key)"

STATEMENTS: list[tuple[str, dict[str, Any]]] = [
    (
        "INSERT INTO organization_members (user_name, organization_id, role) VALUES ('edith', :acme, 'editor')",
        {"acme": ACME},
    ),
    (
        "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) "
        "SELECT o, p, 'llm__' || o || p, 'valid' FROM unnest(cast(:ids AS uuid[])) AS o, "
        "unnest('{openai,anthropic}'::text[]) AS p",
        {"ids": [ACME, BETA]},
    ),
    (
        "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, "
        "checked_at) VALUES (:acme, :good, 'available', now(), now(), now())",
        {"acme": ACME, "good": GOOD_MODEL},
    ),
    ("UPDATE ai_models SET retires_on = NULL WHERE id = :good", {"good": GOOD_MODEL}),
    ("UPDATE ai_features SET required_capabilities = '{text_generation}' WHERE id = 'chat'", {}),
    (
        "INSERT INTO ai_model_capabilities (model_id, capability, result) "
        "VALUES (:good, 'text_generation', 'verified')",
        {"good": GOOD_MODEL},
    ),
    (
        "INSERT INTO ai_model_analytics (organization_id, model_id, feature_id, date, total_requests, success_count, "
        "success_rate, total_cost, priced_requests, simulated) "
        "VALUES (:acme, :hostile, 'chat', now()::date, 10, 9, 0.9, 1.5, 10, TRUE)",
        {"acme": ACME, "hostile": HOSTILE_MODEL},
    ),
    (
        f"INSERT INTO ai_benchmark_runs {RUN_COLUMNS} VALUES "
        "(:a, 'manual', :acme, :asked, 1, 2, 'running', '2026-11-23', 'manual__a'), "
        "(:b, 'manual', :beta, '{}', 1, 2, 'running', '2026-11-23', 'manual__b'), "
        "(:n, 'nightly', NULL, '{}', 1, 2, 'finished', '2026-11-22', 'night')",
        {
            "a": ACME_RUN, "b": BETA_RUN, "n": NIGHT_RUN, "acme": [ACME], "beta": [BETA],
            "asked": json.dumps({"about": "all", "models": [f"openai/{HOSTILE}"], "features": [HOSTILE]}),
        },
    ),
    (
        "INSERT INTO ai_benchmark_results (run_id, organization_id, feature_id, model_id, source, suite, case_key, "
        "score, error_type, cost_usd, finished_at) VALUES "
        "(:n, :acme, :text, :hostile, 'replay', 's', 'c1', 1, NULL, 0.01, now()), "
        "(:n, NULL, 'chat', :good, 'platform', 's', 'c1', 1, NULL, 0.01, now()), "
        "(:n, :beta, 'beta-only', :good, 'replay', 's', 'c2', 0, NULL, 7.77, now())",
        {"n": NIGHT_RUN, "acme": ACME, "beta": BETA, "hostile": HOSTILE_MODEL, "good": GOOD_MODEL, "text": HOSTILE},
    ),
    (
        "INSERT INTO ai_prompt_tests (id, organization_id, feature_id, asked_by, asked_at, expires_at, model_ids, "
        "prompt, max_output_tokens, spend_limit_usd) "
        "SELECT i, o, 'chat', :text, now(), now() + interval '1 day', cast(:models AS uuid[]), :text, 64, 1 "
        "FROM unnest(cast(:ids AS uuid[]), cast(:organizations AS uuid[])) AS x (i, o)",
        {"ids": [BETA_TEST, ACME], "organizations": [BETA, ACME], "models": [HOSTILE_MODEL], "text": HOSTILE},
    ),
    (
        "INSERT INTO ai_prompt_test_answers (test_id, model_id, organization_id, answer, answered_at) "
        "VALUES (:acme, :hostile, :acme, :text, now())",
        {"acme": ACME, "hostile": HOSTILE_MODEL, "text": HOSTILE},
    ),
]  # fmt: skip
"""The test of Acme has Acme's id."""


def add(connection: Connection) -> None:
    """Put the rows beside those of web_rows."""
    for statement, values in STATEMENTS:
        connection.execute(text(statement), values)
