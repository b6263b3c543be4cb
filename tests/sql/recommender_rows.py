"""Two organizations with the same feature, keys and demand, made by hand, for the tests of the recommender."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from modelscout.recommender.publish import publish
from modelscout.recommender.read import list_recommendations
from modelscout.warehouse.engine import open_engine

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
NIGHT = timedelta(days=1)
ACME, GLOBEX = uuid.UUID(int=0xA), uuid.UUID(int=0xB)
MODELS = {name: uuid.uuid5(ACME, name) for name in ("incumbent", "cheap", "other")}
RUN = uuid.UUID(int=0xC)
ITEMS = 240
"""Identical answers on so many items prove a candidate at a margin of five points."""


@pytest.fixture(scope="module")
def pipeline(warehouse_url: str) -> Iterator[Engine]:
    owner = open_engine(warehouse_url)
    with owner.begin() as connection:
        # Roles belong to the server, which all modules share.
        known = connection.execute(text("SELECT FROM pg_roles WHERE rolname = 'recommender_nightly'"))
        if known.rowcount == 0:
            connection.execute(text("CREATE ROLE recommender_nightly LOGIN IN ROLE modelscout_pipeline"))
    owner.dispose()
    engine = open_engine(warehouse_url.replace("postgres@", "recommender_nightly@"))
    yield engine
    engine.dispose()


@pytest.fixture
def two_organizations(engine: Engine) -> None:
    """Two organizations with the same feature, keys and demand; nothing was tried yet."""
    with engine.begin() as c:
        c.execute(
            text(
                "TRUNCATE organizations, ai_models, ai_features, ai_benchmark_runs, recommender_runs, "
                "ai_usage_events, ai_usage_outcomes, ai_model_prices, usage_rollup_state CASCADE"
            )
        )
        c.execute(
            text(
                "INSERT INTO ai_features (id, name, use_case, default_margin) "
                "VALUES ('chat', 'Chat', 'real_time', 0.05)"
            )
        )
        for name, model in MODELS.items():
            c.execute(
                text(
                    "INSERT INTO ai_models (id, provider, provider_model_id, name) VALUES (:id, 'openai', :n, :n)"
                ),
                {"id": model, "n": name},
            )
        c.execute(
            text("INSERT INTO ai_benchmark_runs VALUES (:r, 'nightly', '{}', 1, 1, 'finished', :now)"),
            {"r": RUN, "now": NOW},
        )
        for organization, slug in ((ACME, "acme"), (GLOBEX, "globex")):
            _add_organization(c, organization, slug)


def _add_organization(c: Any, organization: uuid.UUID, slug: str) -> None:
    p = {"o": organization, "slug": slug, "now": NOW, "incumbent": MODELS["incumbent"], "today": NOW.date()}
    for statement in (
        "INSERT INTO organizations (id, name, slug) VALUES (:o, :slug, :slug)",
        "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference) "
        "VALUES (:o, 'openai', 'x')",
        "INSERT INTO ai_model_availability SELECT :o, id, 'available', NULL, :now, :now, NULL, :now FROM ai_models",
        "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
        "VALUES (:o, 'chat', :incumbent)",
        # Thirty days of 1,000 answers at a cent each.
        "INSERT INTO ai_model_analytics (organization_id, feature_id, model_id, date, total_requests, success_count, "
        "total_cost, priced_requests) SELECT :o, 'chat', :incumbent, d, 1000, 1000, 10, 1000 "
        "FROM generate_series(cast(:today AS date) - 29, :today, interval '1 day') AS d",
    ):
        c.execute(text(statement), p)


def replay(
    engine: Engine,
    model: str,
    scores: Sequence[float | None],
    *,
    cost_usd: float | None = 0.01,
    organization: uuid.UUID = ACME,
    suite: str = "replay",
    error_type: str | None = None,
    first: int = 0,
) -> None:
    """Answers of a model to the items from `first` on, with their samples."""
    items = [
        {
            "o": organization, "r": RUN, "m": MODELS[model], "i": f"{organization}/i{number}", "s": score,
            "suite": suite, "error": error_type if score is None else None, "cost": cost_usd, "now": NOW,
            "later": NOW + 60 * NIGHT,
        }
        for number, score in enumerate(scores, first)
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_workload_samples (organization_id, feature_id, item_key, prompt, grader, "
                "sampled_at, expires_at) VALUES (:o, 'chat', :i, 'p', 'exact', :now, :later) ON CONFLICT DO NOTHING"
            ),
            items,
        )
        connection.execute(
            text(
                "INSERT INTO ai_benchmark_results (run_id, organization_id, feature_id, model_id, source, suite, "
                "case_key, score, error_type, cost_usd, duration_ms, finished_at) VALUES (:r, :o, 'chat', :m, "
                "'replay', :suite, :i, :s, :error, :cost, 500, :now)"
            ),
            items,
        )


def good(n: int = ITEMS) -> list[float | None]:
    return [1.0] * n


def rows(engine: Engine, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(r) for r in connection.execute(text(sql), parameters).mappings()]


def change(engine: Engine, sql: str, **parameters: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(sql), parameters)


def night(engine: Engine, number: int = 0) -> dict[str, int]:
    return publish(engine, now=NOW + number * NIGHT, horizon_days=30)


def recommendation(engine: Engine, organization: str = "acme") -> dict[str, Any]:
    [row] = list_recommendations(engine, organization=organization)
    return row


def tried(engine: Engine) -> dict[str, dict[str, Any]]:
    return {c["model"]: c for c in recommendation(engine)["evidence"]["tried"]}


@pytest.fixture
def cheap_is_proven(engine: Engine, two_organizations: None) -> None:  # noqa: ARG001
    replay(engine, "incumbent", good(), cost_usd=0.02)
    replay(engine, "cheap", good(), cost_usd=0.01)


def block(engine: Engine) -> None:
    change(
        engine,
        "INSERT INTO alerts (organization_id, kind, severity, natural_key, message, raised_at) "
        "VALUES (:o, 'reconciliation', 'critical', 'r', 'differs', :now)",
        o=ACME,
        now=NOW,
    )


def add_price(
    engine: Engine, model: str, given: float, answer: float, *, since: str = "2020-01-01", **columns: Any
) -> None:
    """A dated price in USD per million tokens of input and answer; everybody's unless `organization_id` says whose."""
    values = {"organization_id": None, "processing": "standard"} | columns
    change(
        engine,
        "INSERT INTO ai_model_prices (organization_id, provider, provider_model_id, processing, valid_from, "
        "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
        "VALUES (:organization_id, 'openai', :m, :processing, :since, :g, :a, 'test')",
        m=model,
        since=since,
        g=given,
        a=answer,
        **values,
    )
