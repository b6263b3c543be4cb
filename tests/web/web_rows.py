"""Rows of two organizations, hostile texts among them, and the page as each kind of caller meets it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient

from modelscout.core.settings import Settings
from modelscout.orchestration.page_benchmarks import PageBenchmarks
from modelscout.web.app import create_app
from modelscout.web.ports import Caller, StartedRun

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>"
ADMINISTRATOR = Caller("root", is_administrator=True)
ANNA = Caller("anna", is_administrator=False)
STRANGER = Caller("nobody", is_administrator=False)

ACME = "00000000-0000-0000-0000-00000000000a"
BETA = "00000000-0000-0000-0000-00000000000b"
GOOD_MODEL = "00000000-0000-0000-0000-0000000000c1"
HOSTILE_MODEL = "00000000-0000-0000-0000-0000000000c2"
PRIVATE_MODEL = "00000000-0000-0000-0000-0000000000c3"
ACME_RECOMMENDATION = "00000000-0000-0000-0000-0000000000d1"
BETA_RECOMMENDATION = "00000000-0000-0000-0000-0000000000d2"
ACME_OLD = "00000000-0000-0000-0000-0000000000d3"
ACME_CHAT = "00000000-0000-0000-0000-0000000000d4"

TRIED = {
    "model": HOSTILE,
    "n": 160,
    "effect": -0.005,
    "lower_bound": -0.021,
    "upper_bound": 0.013,
    "log_e_value": 5.1,
    "alpha": 0.01,
    "proven": True,
    "method": "e-process",
    "saving_usd_per_month": {"estimate": 1234.5, "low": 1000.0, "high": 1400.0},
}
EVIDENCE = {
    "kind": "paired replay",
    "margin": 0.03,
    "samples": 300,
    "price_date": "2026-11-23",
    "data_window": ["2026-10-24", "2026-11-22"],
    "recommender_version": None,
    "retires_on": None,
    "chosen": TRIED,
    "tried": [TRIED],
}
COST = {
    "saving_usd_per_month": TRIED["saving_usd_per_month"],
    "exposure_usd_per_day": 66.0,
    "requests_per_month": 10_000.0,
    "current_cost_per_request_usd": 0.2,
    "recommended_cost_per_request_usd": 0.0000053,
}
STATEMENTS: list[tuple[str, list[dict[str, object]]]] = [
    (
        "INSERT INTO organizations (id, name, slug) VALUES (:id, :name, :slug)",
        [{"id": ACME, "name": "Acme", "slug": "acme"}, {"id": BETA, "name": "Beta Ltd", "slug": "beta"}],
    ),
    (
        "INSERT INTO organization_members (user_name, organization_id, role) VALUES ('anna', :id, 'viewer')",
        [{"id": ACME}],
    ),
    (
        "INSERT INTO ai_features (id, name, use_case) VALUES (:id, :id, 'batch_processing')",
        [{"id": "photo_tagging"}, {"id": "chat"}],
    ),
    (
        "INSERT INTO ai_models (id, provider, provider_model_id, name, in_catalog, owner_organization_id, "
        "documented_capabilities, context_window_tokens, retires_on, benchmark_results) "
        "VALUES (:id, :provider, :model, :model, TRUE, :owner, '{text_generation}', 128000, :retires, :measured)",
        [
            {
                "id": GOOD_MODEL,
                "provider": "openai",
                "model": "gpt-6-luna",
                "owner": None,
                "retires": "2026-01-01",
                "measured": '{"chat": {"score": 0.93, "n": 12, "simulated": true}}',
            },
            {
                "id": HOSTILE_MODEL,
                "provider": "anthropic",
                "model": HOSTILE,
                "owner": None,
                "retires": None,
                "measured": json.dumps({HOSTILE: {"score": 0.5, "n": 2}}),
            },
            {
                "id": PRIVATE_MODEL,
                "provider": "openai",
                "model": "ft:beta-secret",
                "owner": BETA,
                "retires": None,
                "measured": "{}",
            },
        ],
    ),
    (
        "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, "
        "checked_at) VALUES (:organization, :model, :status, now(), now(), now())",
        [
            {"organization": ACME, "model": HOSTILE_MODEL, "status": "available"},
            {"organization": BETA, "model": HOSTILE_MODEL, "status": "active"},
        ],
    ),
    (
        "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
        "VALUES (:organization, 'photo_tagging', :model)",
        [{"organization": BETA, "model": HOSTILE_MODEL}],
    ),
    (
        "INSERT INTO ai_model_prices (organization_id, provider, provider_model_id, processing, valid_from, "
        "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
        "VALUES (:organization, 'openai', 'gpt-6-luna', 'standard', :since, :price, 2, 'test')",
        [
            {"organization": None, "price": "0.25", "since": "2026-01-01"},
            {"organization": BETA, "price": "0.11", "since": "2026-02-01"},
        ],
    ),
    (
        "INSERT INTO ai_model_recommendations (id, organization_id, feature_id, recommended_model_id, "
        "current_model_id, recommendation_score, reasons, decision_date, verdict, tradeoffs, cost_estimate, "
        "performance_estimate, evidence, valid_until, simulated) VALUES (:id, :organization, :feature, "
        ":recommended, :current, 87, :reasons, :day, :verdict, :tradeoffs, :cost, '{}', :evidence, "
        "'2026-12-01', TRUE)",
        [
            {
                "id": identifier,
                "organization": organization,
                "feature": feature,
                "recommended": HOSTILE_MODEL,
                "current": HOSTILE_MODEL if verdict == "keep" else GOOD_MODEL,
                "verdict": verdict,
                "reasons": json.dumps([f"{HOSTILE} is cheaper"]),
                "day": day,
                "tradeoffs": json.dumps([HOSTILE]),
                "cost": json.dumps(COST),
                "evidence": json.dumps(EVIDENCE),
            }
            for identifier, organization, feature, day, verdict in (
                (ACME_RECOMMENDATION, ACME, "photo_tagging", "2026-11-23", "switch"),
                (ACME_OLD, ACME, "photo_tagging", "2026-11-22", "switch"),
                (ACME_CHAT, ACME, "chat", "2026-11-23", "switch"),
                (BETA_RECOMMENDATION, BETA, "photo_tagging", "2026-11-23", "keep"),
            )
        ],
    ),
    (
        "INSERT INTO alerts (organization_id, kind, severity, natural_key, message, raised_at) "
        "VALUES (:organization, 'retirement', :severity, :key, :message, '2026-11-23')",
        [
            {"organization": ACME, "severity": "critical", "key": "a", "message": f"acme {HOSTILE}"},
            {"organization": ACME, "severity": "info", "key": "b", "message": "acme minor"},
            {"organization": BETA, "severity": "warning", "key": "c", "message": "beta private trouble"},
            {"organization": None, "severity": "warning", "key": "d", "message": "platform trouble"},
        ],
    ),
]

STARTED: list[tuple[str, dict[str, object]]] = []
"""DAGs that the page started, with their parameters: Airflow itself is met in test_web_plugin.py and end to end."""


def start_run(request: Request, dag_id: str, params: Mapping[str, Any]) -> StartedRun:
    """Takes note instead of starting."""
    STARTED.append((dag_id, dict(params)))
    return StartedRun(dag_id=dag_id, run_id=f"manual__{len(STARTED)}")


ClientFor = Callable[[Caller | None], TestClient]


def app_for(url: str, caller: Caller | None) -> FastAPI:
    """The page as one caller meets it; None is nobody."""

    def current_caller() -> Caller:
        if caller is None:
            raise HTTPException(401, "Not authenticated")
        return caller

    return create_app(
        database_url=url,
        current_caller=current_caller,
        start_run=start_run,
        benchmarks=PageBenchmarks(Settings(database_url=url)),
    )
