"""Rows that can be decided: an editor of one organization and advice that is current for as long as tests run."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Engine, text
from web_rows import ACME, BETA, COST, EVIDENCE, GOOD_MODEL, HOSTILE, HOSTILE_MODEL

from modelscout.web.ports import Caller

EDITOR = Caller("otto", is_administrator=False)
"""Editor of acme, viewer of nothing else."""
OPEN = "00000000-0000-0000-0000-0000000000e1"
FOREIGN = "00000000-0000-0000-0000-0000000000e2"
MODEL = "openai/gpt-6-sol"
NEXT_MODEL = "00000000-0000-0000-0000-0000000000c9"


def add(engine: Engine, today: Any) -> None:
    """A feature `search` of acme and of beta on the good model, with open advice to switch."""
    performance = {
        "quality_change": {"estimate": 0.01, "low": -0.01, "high": 0.03},
        "expected_quality": {
            "current": {"estimate": 0.9, "low": 0.88, "high": 0.92},
            "chosen": {"estimate": 0.91, "low": 0.85, "high": 0.95},
        },
    }
    with engine.begin() as c:
        for statement in (
            "INSERT INTO ai_features (id, name, use_case) VALUES ('search', 'search', 'real_time')",
            "INSERT INTO organization_members (user_name, organization_id, role) VALUES ('otto', :acme, 'editor')",
            "INSERT INTO ai_models (id, provider, provider_model_id, name, in_catalog) "
            "VALUES (:next, 'openai', 'gpt-6-sol', 'Sol', TRUE)",
            "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) "
            "SELECT id, 'openai', 'x', 'ok' FROM organizations",
            "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, "
            "checked_at) SELECT id, :next, 'available', now(), now(), now() FROM organizations",
            "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
            "SELECT id, 'search', :good FROM organizations",
        ):
            names = ("acme", "next", "good")
            values = {"acme": ACME, "next": NEXT_MODEL, "good": GOOD_MODEL}
            c.execute(text(statement), {name: values[name] for name in names if f":{name}" in statement})
        c.execute(
            text(
                "INSERT INTO ai_model_recommendations (id, organization_id, feature_id, recommended_model_id, "
                "current_model_id, recommendation_score, reasons, decision_date, verdict, cost_estimate, "
                "performance_estimate, evidence, valid_until) VALUES (:id, :o, 'search', :next, :good, 90, :reasons, "
                ":day, 'switch', :cost, :performance, :evidence, '2999-01-01')"
            ),
            [
                {
                    "id": identifier,
                    "o": organization,
                    "next": NEXT_MODEL,
                    "good": GOOD_MODEL,
                    "day": today,
                    "reasons": json.dumps([HOSTILE]),
                    "cost": json.dumps(COST),
                    "performance": json.dumps(performance),
                    "evidence": json.dumps(EVIDENCE),
                }
                for identifier, organization in ((OPEN, ACME), (FOREIGN, BETA))
            ],
        )


def add_traffic(engine: Engine, today: Any) -> None:
    """Forty days of both organizations, and a retiring model in use."""
    with engine.begin() as c:
        c.execute(
            text(
                "INSERT INTO ai_organization_days SELECT o, cast(:today AS date) - d, 10, 9, 1, CASE WHEN d > 30 "
                "THEN 1 ELSE 2.5 END, 10, CASE WHEN d = 3 THEN 4 ELSE 0 END, 0, 0, 0, FALSE "
                "FROM unnest(cast(:organizations AS uuid[])) AS o, generate_series(0, 40) AS d"
            ),
            {"today": today, "organizations": [ACME, BETA]},
        )
        c.execute(
            text("UPDATE ai_models SET retires_on = cast(:today AS date) + 10 WHERE id = :m"),
            {"today": today, "m": HOSTILE_MODEL},
        )
        c.execute(
            text(
                "INSERT INTO ai_model_analytics (organization_id, model_id, feature_id, date, total_requests, "
                "success_count, total_cost, priced_requests) SELECT :o, :m, 'chat', cast(:today AS date) - d, 10, 10, "
                "7, 10 FROM generate_series(1, 7) AS d"
            ),
            {"o": BETA, "m": HOSTILE_MODEL, "today": today},
        )
