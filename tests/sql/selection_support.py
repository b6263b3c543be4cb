"""Two organizations with three features, keys and six models, for the tests of features and selection."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ACME, GLOBEX = uuid.UUID(int=0xA), uuid.UUID(int=0xB)
NAMES = (
    "openai/luna", "openai/terra", "anthropic/haiku", "anthropic/sonnet", "google/flash", "google/text-only",
)  # fmt: skip
MODELS = {name: uuid.uuid5(ACME, name) for name in NAMES}
PRIVATE = uuid.uuid5(GLOBEX, "private")
SCORES = {  # real_time, high_accuracy, complex_analysis
    "openai/luna": (90, 60, 50), "openai/terra": (60, 80, 70), "anthropic/haiku": (80, 65, 55),
    "anthropic/sonnet": (40, 95, 85), "google/flash": (85, 70, 95), "google/text-only": (99, 99, 99),
}  # fmt: skip
PRICES = {
    "openai/luna": (0.1, 0.4), "openai/terra": (2, 8), "anthropic/haiku": (0.5, 2.5), "anthropic/sonnet": (3, 15),
    "google/flash": (0.3, 1.2),
}  # fmt: skip


def fill(engine: Engine) -> None:
    """Everything anew. Every model but google/text-only has all capabilities verified."""
    with engine.begin() as c:
        c.execute(text("TRUNCATE organizations, ai_models, ai_features, selection_versions CASCADE"))
        c.execute(
            text(
                "INSERT INTO ai_features (id, name, use_case, required_capabilities) VALUES "
                "('photo_tagging', 'Photo tagging', 'batch_processing', '{image_analysis}'), "
                "('chat', 'Chat', 'real_time', '{text_generation}'), "
                "('search', 'Search', 'cost_sensitive', '{text_generation}')"
            )
        )
        for name in NAMES:
            _model(c, name)
        for organization, slug in ((ACME, "acme"), (GLOBEX, "globex")):
            _organization(c, organization, slug)
        c.execute(
            text(
                "INSERT INTO ai_models (id, provider, provider_model_id, owner_organization_id) "
                "VALUES (:m, 'openai', 'ft:luna:globex', :o)"
            ),
            {"m": PRIVATE, "o": GLOBEX},
        )
        available(c, GLOBEX, PRIVATE)


def _model(c: Connection, name: str) -> None:
    provider, _, model = name.partition("/")
    fast, accurate, analysis = SCORES[name]
    scores = {
        "real_time": fast,
        "high_accuracy": accurate,
        "complex_analysis": analysis,
        "cost_sensitive": 50,
    }
    c.execute(
        text(
            "INSERT INTO ai_models (id, provider, provider_model_id, use_case_scores) "
            "VALUES (:id, :p, :m, cast(:s AS jsonb))"
        ),
        {
            "id": MODELS[name],
            "p": provider,
            "m": model,
            "s": json.dumps(
                {use_case: {"score": score, "reason": "x"} for use_case, score in scores.items()}
            ),
        },
    )
    for capability in ("text_generation", "image_analysis", "structured_output"):
        lacks = name == "google/text-only" and capability == "image_analysis"
        c.execute(
            text("INSERT INTO ai_model_capabilities (model_id, capability, result) VALUES (:m, :c, :r)"),
            {"m": MODELS[name], "c": capability, "r": "contradicted" if lacks else "verified"},
        )
    if name in PRICES:
        c.execute(
            text(
                "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
                "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
                "VALUES (:p, :m, 'standard', '2026-01-01', :i, :o, 'list')"
            ),
            {"p": provider, "m": model, "i": PRICES[name][0], "o": PRICES[name][1]},
        )


def _organization(c: Connection, organization: uuid.UUID, slug: str) -> None:
    c.execute(text("INSERT INTO organizations (id, slug) VALUES (:o, :s)"), {"o": organization, "s": slug})
    for provider in ("openai", "anthropic", "google"):
        c.execute(
            text(
                "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) "
                "VALUES (:o, :p, :r, 'ok')"
            ),
            {"o": organization, "p": provider, "r": f"llm__{slug}__{provider}"},
        )
    for model in MODELS.values():
        available(c, organization, model)


def available(c: Connection, organization: uuid.UUID, model: uuid.UUID) -> None:
    c.execute(
        text(
            "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, "
            "checked_at) VALUES (:o, :m, 'available', now(), now(), now())"
        ),
        {"o": organization, "m": model},
    )


def change(engine: Engine, statement: str, **parameters: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), parameters)


def assign(engine: Engine, organization: uuid.UUID, feature: str, model: str, *fallbacks: str) -> None:
    """Put a model in use, past the feature service."""
    change(
        engine,
        "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id, fallback_model_ids) "
        "VALUES (:o, :f, :m, cast(:b AS uuid[])) ON CONFLICT (organization_id, feature_id) DO UPDATE SET "
        "current_model_id = excluded.current_model_id, fallback_model_ids = excluded.fallback_model_ids, "
        "updated_at = now()",
        o=organization,
        f=feature,
        m=MODELS[model],
        b=[str(MODELS[name]) for name in fallbacks],
    )


def recommend(
    engine: Engine,
    feature: str,
    model: str,
    *,
    verdict: str = "switch",
    status: str = "open",
    organization: uuid.UUID = ACME,
    proven: tuple[str, ...] = (),
    by_workload: list[dict[str, Any]] | None = None,
) -> None:
    """A recommendation of today in place of the model in use; accepted ones are decided now."""
    tried = [{"model": name.partition("/")[2], "proven": True} for name in proven]
    evidence = {"tried": tried} | ({"by_workload": by_workload} if by_workload else {})
    change(
        engine,
        "INSERT INTO ai_model_recommendations (organization_id, feature_id, recommended_model_id, current_model_id, "
        "decision_date, verdict, status, decided_at, valid_until, evidence) SELECT :o, :f, :m, s.current_model_id, "
        ":d, :v, :s, CASE WHEN :s <> 'open' THEN now() END, :d + interval '7 days', cast(:e AS jsonb) "
        "FROM (SELECT 1) AS one LEFT JOIN ai_feature_settings AS s ON s.organization_id = :o AND s.feature_id = :f "
        "ON CONFLICT (organization_id, feature_id, decision_date) DO UPDATE SET status = excluded.status, "
        "verdict = excluded.verdict, recommended_model_id = excluded.recommended_model_id, "
        "evidence = excluded.evidence, decided_at = excluded.decided_at",
        o=organization,
        f=feature,
        m=MODELS[model],
        d=NOW.date(),
        v=verdict,
        s=status,
        e=json.dumps(evidence),
    )
