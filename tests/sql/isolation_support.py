"""Two organizations with a row in every table, and how an attacker reaches them. Used by test_isolation.py."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from modelscout.warehouse.engine import open_engine

ACME = uuid.UUID("00000000-0000-0000-0000-0000000000aa")
GLOBEX = uuid.UUID("00000000-0000-0000-0000-0000000000bb")
MARK = "GLOBEX-ONLY"
DENIED = "42501"
"""SQLSTATE insufficient_privilege: a missing grant and a violated policy both raise it."""
ATTACKERS = ("iso_acme", "iso_application")

# One row per table with an organization. {o} the organization, {m} its model, {p} its private model, {t} its text.
ROWS = {
    "ai_model_availability": "(organization_id, model_id, status, reason, first_seen_at, last_seen_at, checked_at) "
    "VALUES ('{o}', '{m}', 'active', '{t}', now(), now(), now())",
    "ai_model_prices": "(organization_id, provider, provider_model_id, processing, valid_from, "
    "input_usd_per_million_tokens, source) VALUES ('{o}', 'openai', 'shared', 'standard', '2026-01-01', 7, '{t}')",
    "model_events": "(organization_id, model_id, kind, natural_key, occurred_at) "
    "VALUES ('{o}', '{m}', '{t}', '{o}', now())",
    "ai_feature_settings": "(organization_id, feature_id, current_model_id, updated_by) "
    "VALUES ('{o}', 'chat', '{m}', '{t}')",
    "ai_model_settings": "(organization_id, model_id, updated_by) VALUES ('{o}', '{m}', '{t}')",
    "organization_provider_keys": "(organization_id, provider, secret_reference) VALUES ('{o}', 'openai', '{t}')",
    "organization_members": "(user_name, organization_id, role) VALUES ('{t}', '{o}', 'viewer')",
    "organization_roles": "(role_name, organization_id) VALUES ('{r}', '{o}')",
    "audit_log": "(organization_id, actor, action, subject) VALUES ('{o}', '{t}', 'a', 's')",
    "alerts": "(organization_id, kind, severity, natural_key, message, raised_at) "
    "VALUES ('{o}', 'k', 'info', '{o}', '{t}', now())",
    "ai_usage_events": "(organization_id, feature_id, provider, requested_model, request_id, occurred_at, user_hash) "
    "VALUES ('{o}', 'chat', 'openai', 'shared', 'r1', '2026-11-22T12:00Z', '{t}')",
    "ai_usage_outcomes": "(organization_id, request_id, kind, score, recorded_at) "
    "VALUES ('{o}', '{t}', 'check', 1, now())",
    "ai_usage_quarantine": "(organization_id, natural_key, reason, remedy, payload) "
    "VALUES ('{o}', '{o}', '{t}', 'r', '{{}}')",
    "ai_usage_imports": "(organization_id, file_digest, mapping_digest, format, source, started_at, updated_at) "
    "VALUES ('{o}', 'd', 'm', 'csv', '{t}', now(), now())",
    "ai_model_analytics": "(organization_id, model_id, feature_id, date, errors_by_type) "
    "VALUES ('{o}', '{m}', 'chat', '2026-11-22', '{{\"{t}\": 1}}')",
    "ai_organization_days": "(organization_id, date, total_requests, success_count, error_count, total_cost, "
    "priced_requests, unpriced_requests, estimated_requests, outcome_score_sum, outcome_count, simulated) "
    "VALUES ('{o}', '2026-11-22', 1, 1, 0, 1, 1, 0, 0, 0, 0, FALSE)",
    "model_drift_state": "(organization_id, feature_id, model_id, reference_from, consumed_until, served_model) "
    "VALUES ('{o}', 'chat', '{m}', '2026-11-22', '2026-11-22', '{t}')",
    "data_quality_results": "(run_key, suite, table_name, expectation, severity, organization_id, success, "
    "checked_at) VALUES ('{t}', 'rollup', 'ai_model_analytics', 'x', 'warn', '{o}', false, now())",
    "model_drift_days": "(organization_id, feature_id, model_id, day, requests, successes, timed, slowness_sum, "
    "priced, cost_usd, input_tokens, served_model, simulated) "
    "VALUES ('{o}', 'chat', '{m}', '2026-11-22', 1, 1, 0, 0, 0, 0, 0, '{t}', false)",
    "ai_model_analytics_hourly": "(organization_id, model_id, feature_id, hour, errors_by_type, total_requests, "
    "success_count, error_count, duration_sum_ms, duration_count, confidence_sum, confidence_count, "
    "outcome_score_sum, outcome_count, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, "
    "cache_write_1h_tokens, reasoning_tokens, image_tokens, image_count, operations, priced_requests, "
    "unpriced_requests, estimated_requests, simulated, rolled_up_at) VALUES ('{o}', '{m}', 'chat', "
    "'2026-11-22T12:00Z', '{{\"{t}\": 1}}', 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, "
    "FALSE, now())",
    "ai_usage_priced_sums": "(organization_id, model_id, feature_id, hour, provider, requested_model, served_model, "
    "processing, kinds, first_at, last_at, least_input_tokens, most_input_tokens, requests, input_tokens, "
    "output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, operations, image_count, estimated) "
    "VALUES ('{o}', '{m}', 'chat', '2026-11-22T12:00Z', 'openai', 'shared', '{t}', 'standard', 1, now(), now(), "
    "1, 1, 1, 1, 0, 0, 0, 0, 0, 0, FALSE)",
    "ai_benchmark_results": "(organization_id, run_id, feature_id, model_id, source, suite, case_key, finished_at) "
    "VALUES ('{o}', '{o}', 'chat', '{m}', 'replay', '{t}', 'c', now())",
    "ai_judge_calibrations": "(id, organization_id, judge_model_id, served_model, item_set, measured, passed, "
    "calibrated_at) VALUES ('{o}', '{o}', '{m}', '{t}', '1', '{{}}', true, now())",
    "ai_judge_calibration_verdicts": "(calibration_id, item_key, organization_id, judge_model_id, served_model, "
    "item_set, score, judged_at) VALUES ('{o}', 'i', '{o}', '{m}', '{t}', '1', 1, now())",
    "ai_benchmark_answers": "(result_id, organization_id, payer_organization_id, question, reference, answer, "
    "order_seed, answered_at, expires_at) SELECT id, '{o}', '{o}', '{t}', '{{}}', '{t}', 1, now(), now() "
    "FROM ai_benchmark_results WHERE organization_id = '{o}'",
    "ai_prompt_tests": "(id, organization_id, feature_id, asked_by, asked_at, expires_at, model_ids, prompt, "
    "max_output_tokens, spend_limit_usd) VALUES ('{o}', '{o}', 'chat', '{t}', now(), now(), '{{{m}}}', '{t}', 1, 1)",
    "ai_prompt_test_answers": "(test_id, model_id, organization_id, answer, answered_at) "
    "VALUES ('{o}', '{m}', '{o}', '{t}', now())",
    "ai_benchmark_batches": "(id, organization_id, run_id, model_id, secret_reference, state, items, submitted_at) "
    "VALUES ('{o}', '{o}', '{o}', '{m}', '{t}', 'open', '[]', now())",
    "ai_workload_samples": "(organization_id, feature_id, item_key, prompt, grader, sampled_at, expires_at) "
    "VALUES ('{o}', 'chat', 'i', '{t}', 'exact', now(), now())",
    "spend_reservations": "(organization_id, run_id, reserved_usd) VALUES ('{o}', '{o}', 1)",
    "evidence_streams": "(organization_id, feature_id, reference_model_id, candidate_model_id, ordinal, "
    "error_share, first_tried_at, state) VALUES ('{o}', 'chat', '{m}', '{p}', 1, 0.04, now(), '{{\"{t}\": 1}}')",
    "ai_model_recommendations": "(id, organization_id, feature_id, current_model_id, recommended_model_id, "
    "decision_date, verdict, valid_until, reasons) "
    "VALUES ('{o}', '{o}', 'chat', '{m}', '{p}', '2026-11-22', 'switch', now(), '[\"{t}\"]')",
    "recommendation_adoptions": "(recommendation_id, organization_id, feature_id, former_model_id, model_id, "
    "switched_at, applied_automatically, margin, former_latency_histogram) "
    "VALUES ('{o}', '{o}', 'chat', '{m}', '{p}', now(), true, 0.03, '{{\"{t}\": 1}}')",
    "recommendation_baselines": "(recommendation_id, organization_id, processing, complexity, images, size, kinds, "
    "input_tier, attempts, answers, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, "
    "cache_write_1h_tokens, operations, image_count, priced, cost_usd, cost_usd_squared) "
    "VALUES ('{o}', '{o}', '{t}', '', 0, 1, 3, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1)",
    "recommendation_days": "(recommendation_id, organization_id, day, processing, complexity, images, size, answers) "
    "VALUES ('{o}', '{o}', '2026-11-23', '{t}', '', 0, 1, 1)",
    "recommendation_judgements": "(recommendation_id, organization_id, request_id, of_former, score) "
    "VALUES ('{o}', '{o}', '{t}', false, 1)",
    "recommendation_outcomes": "(recommendation_id, organization_id, reviewed_on, adopted, details) "
    "VALUES ('{o}', '{o}', '2026-11-23', true, '{{\"{t}\": 1}}')",
    "recommendation_ratings": "(recommendation_id, organization_id, user_name, rating) VALUES ('{o}', '{o}', '{t}', 5)",
}


def fill(c: Connection, organization: uuid.UUID, slug: str) -> None:
    own_text = MARK if organization == GLOBEX else "ACME-ONLY"
    c.exec_driver_sql(
        f"INSERT INTO organizations (id, name, slug) VALUES ('{organization}', '{own_text[:5]}', '{slug}')"
    )
    model, private = (uuid.uuid5(organization, name) for name in ("shared", "private"))
    c.exec_driver_sql(
        "INSERT INTO ai_models (id, provider, provider_model_id, name, owner_organization_id) VALUES "
        f"('{model}', 'openai', 'model-{slug}', 'shared', NULL), "
        f"('{private}', 'openai', 'ft:{own_text}', '{own_text}', '{organization}')"
    )
    c.exec_driver_sql(
        "INSERT INTO ai_model_capabilities (model_id, capability, result, served_model) VALUES "
        f"('{model}', 'streaming', 'verified', 'shared'), "
        f"('{private}', 'streaming', 'verified', 'ft:{own_text}')"
    )
    c.exec_driver_sql(
        f"INSERT INTO ai_benchmark_runs VALUES ('{organization}', 'nightly', '{{}}', 1, 1, 'running', now())"
    )
    for table, values in ROWS.items():
        sql = f"INSERT INTO {table} {values}"
        c.exec_driver_sql(
            sql.format(o=organization, m=model, p=private, t=own_text, r=f"iso_{slug}").replace("%", "%%")
        )


@contextmanager
def session(warehouse_url: str, role: str, scope: str | None = None) -> Iterator[Connection]:
    """A fresh connection as `role`, rolled back at the end; `scope` sets the transaction's organization."""
    engine = open_engine(warehouse_url.replace("postgres@", f"{role}@"))
    try:
        with engine.connect() as connection:
            if scope is not None:
                set_scope(connection, scope)
            yield connection
            connection.rollback()
    finally:
        engine.dispose()


@contextmanager
def attack(warehouse_url: str, role: str) -> Iterator[Connection]:
    """As acme, in the way that this role has."""
    with session(warehouse_url, role, str(ACME) if role == "iso_application" else None) as connection:
        yield connection


def set_scope(connection: Connection, organization: str) -> None:
    connection.execute(text("SELECT set_config('modelscout.organization_id', :o, true)"), {"o": organization})


def refused(connection: Connection, statement: str, parameters: dict[str, Any] | None = None) -> str | None:
    """SQLSTATE of a refused statement, None where it ran; whatever the message, it shows nothing foreign."""
    savepoint = connection.begin_nested()
    try:
        connection.execute(text(statement), parameters or {})
    except DBAPIError as error:
        savepoint.rollback()
        return _state(error.orig)
    savepoint.rollback()
    return None


def _state(error: BaseException | None) -> str | None:
    assert isinstance(error, psycopg.Error)
    diagnosis = error.diag
    shown = (
        diagnosis.message_primary,
        diagnosis.message_detail,
        diagnosis.message_hint,
        diagnosis.context,
    )
    assert not any(MARK in part or str(GLOBEX) in part for part in shown if part)
    return error.sqlstate


def organization_tables(engine: Engine) -> list[str]:
    """Every table with an organization_id, partitions left out."""
    with engine.connect() as connection:
        return list(
            connection.execute(
                text(
                    "SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid "
                    "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') "
                    "AND NOT c.relispartition AND a.attname = 'organization_id' ORDER BY 1"
                )
            ).scalars()
        )


def readable(connection: Connection) -> list[str]:
    """Every table and view of the warehouse that this role may select from."""
    return list(
        connection.execute(
            text(
                "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace IN "
                "('public'::regnamespace, 'modelscout'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') "
                "AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1"
            )
        ).scalars()
    )


def everything(connection: Connection) -> dict[str, list[str]]:
    """All that this role can read, as JSON text per relation."""
    return {
        name: list(connection.execute(text(f'SELECT to_jsonb(t)::text FROM "{name}" AS t')).scalars())
        for name in readable(connection)
    }


def foreign(rows: dict[str, list[str]]) -> dict[str, list[str]]:
    """What of it is globex's."""
    other = str(uuid.uuid5(GLOBEX, "private"))
    found = {
        k: [row for row in v if MARK in row or str(GLOBEX) in row or other in row] for k, v in rows.items()
    }
    return {k: v for k, v in found.items() if v}
