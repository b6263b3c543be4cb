"""A warehouse as large as the page must stand: 200 models, 500 organizations of 50 features, 90 days.

Made set-wise. Every organization uses each of its 50 features on one model every day (2,250,000 rows of analytics with
latency histograms), 40 models are available to it, every feature has recommendations of four nights, and 200,000 calls
came within the last hour, spread over ten organizations.
Run: python benchmarks/page_warehouse.py DATABASE_URL (of an empty database; it is migrated)
"""

from __future__ import annotations

import sys
import time
from datetime import date, timedelta

from sqlalchemy import Engine, text

from modelscout.core.clock import now
from modelscout.warehouse.engine import open_engine
from modelscout.warehouse.migrate import upgrade

MODELS, ORGANIZATIONS, FEATURES, DAYS = 200, 500, 50, 90
LIVE_EVENTS, LIVE_ORGANIZATIONS = 200_000, 10
NIGHTS = 4

NAMES = """
INSERT INTO ai_models (
    id, provider, provider_model_id, name, version, model_type, in_catalog, documented_capabilities,
    context_window_tokens, max_output_tokens, released_on, retires_on, use_case_scores, benchmark_results
)
SELECT
    md5('m' || m)::uuid, (ARRAY['openai', 'google', 'anthropic', 'clarifai'])[1 + m % 4], 'bench-' || m,
    'Bench ' || m, 'v' || m % 7, 'chat', TRUE,
    (ARRAY['text_generation', 'image_analysis', 'structured_output', 'streaming', 'tool_use', 'complex_reasoning'])
    [1 : 2 + m % 5],
    128000 * (1 + m % 8), 8192 * (1 + m % 4), date '2026-01-01' - m,
    CASE WHEN m % 9 = 0 THEN cast(:today AS date) + 5 * (m % 40) - 20 END,
    jsonb_build_object('real_time', jsonb_build_object('score', 20 + m % 80, 'reason', 'high speed')),
    jsonb_build_object('chat', jsonb_build_object('score', 0.5 + m % 50 / 100.0, 'n', 200))
FROM generate_series(0, :models - 1) AS m;
INSERT INTO ai_model_capabilities (model_id, capability, result, documented, tested_at)
SELECT m.id, c, CASE WHEN hashtext(m.name || c) % 5 = 0 THEN 'documented' ELSE 'verified' END, TRUE, now()
FROM ai_models AS m CROSS JOIN LATERAL unnest(m.documented_capabilities) AS c;
INSERT INTO ai_model_prices (
    provider, provider_model_id, processing, valid_from, input_usd_per_million_tokens,
    output_usd_per_million_tokens, source
)
SELECT m.provider, m.provider_model_id, p, v::timestamptz, (1 + hashtext(m.name) % 40 * 0.02) / k, 4 / k, 'bench'
FROM ai_models AS m
CROSS JOIN (VALUES ('standard', 1), ('batch', 2)) AS t (p, k)
CROSS JOIN (VALUES ('2026-01-01'), ('2026-09-01')) AS d (v);
INSERT INTO organizations (id, slug, name)
SELECT md5('o' || o)::uuid, 'bench-' || o, 'Bench organization ' || o
FROM generate_series(0, :organizations - 1) AS o;
INSERT INTO organization_members (user_name, organization_id, role)
SELECT 'member-' || o, md5('o' || o)::uuid, CASE o % 2 WHEN 0 THEN 'editor' ELSE 'viewer' END
FROM generate_series(0, :organizations - 1) AS o;
INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health)
SELECT o.id, p, 'llm__' || o.slug || '__' || p, 'ok'
FROM organizations AS o CROSS JOIN unnest(ARRAY['openai', 'google', 'anthropic', 'clarifai']) AS p;
INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, checked_at)
SELECT md5('o' || o)::uuid, md5('m' || (o + k * 5) % :models)::uuid, 'active', now(), now(), now()
FROM generate_series(0, :organizations - 1) AS o CROSS JOIN generate_series(0, 39) AS k;
INSERT INTO ai_features (id, name, use_case, required_capabilities)
SELECT 'feature_' || f, 'Feature ' || f, 'real_time', '{text_generation}'
FROM generate_series(0, :features - 1) AS f;
INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id, monthly_budget_usd)
SELECT md5('o' || o)::uuid, 'feature_' || f, md5('m' || (o + f % 40 * 5) % :models)::uuid, 500
FROM generate_series(0, :organizations - 1) AS o CROSS JOIN generate_series(0, :features - 1) AS f;
"""
RECOMMENDATIONS = """
INSERT INTO ai_model_recommendations (
    organization_id, feature_id, recommended_model_id, current_model_id, recommendation_score, reasons, created_at,
    decision_date, verdict, tradeoffs, cost_estimate, performance_estimate, evidence, valid_until, status
)
SELECT
    s.organization_id, s.feature_id,
    CASE WHEN k < 2 THEN md5('m' || abs(hashtext(s.feature_id || s.organization_id)) % :models)::uuid
        ELSE s.current_model_id END,
    s.current_model_id, 40 + k * 10,
    '["It is cheaper on your own requests, and its quality is proven within the margin."]', now(),
    cast(:today AS date) - cast(:night AS integer), (ARRAY['switch', 'trial', 'keep', 'insufficient_evidence'])[k + 1],
    '["Answers are a little shorter."]',
    '{"saving_usd_per_month": {"estimate": 120.5, "low": 90.1, "high": 150.2}, "requests_per_month": 10000,
      "current_cost_per_request_usd": 0.02}',
    '{"current_quality": 0.9, "recommended_quality": 0.91}',
    '{"kind": "paired replay", "margin": 0.03, "samples": 300, "chosen": {"model": "openai/bench-1", "n": 300,
      "effect": 0.01, "lower_bound": -0.02, "upper_bound": 0.04, "proven": true, "method": "e-process"},
      "tried": [{"model": "openai/bench-1", "n": 300, "effect": 0.01, "lower_bound": -0.02, "upper_bound": 0.04,
      "proven": true, "method": "e-process"}]}',
    now() + interval '7 days', CASE WHEN cast(:night AS integer) > 0 THEN 'superseded' ELSE 'open' END
FROM ai_feature_settings AS s
CROSS JOIN LATERAL (SELECT abs(hashtext(s.organization_id || s.feature_id)) % 4 AS k) AS x;
"""
# 32 shapes of a histogram, dealt to the rows: what they hold costs the same to merge, whoever has it.
ANALYTICS = """
WITH shapes AS MATERIALIZED (
    SELECT s, (
        SELECT jsonb_object_agg(300 + s + b, 1 + (40 * exp(-((b - 15) / 6.0) ^ 2))::int)
        FROM generate_series(0, 29) AS b
    ) AS histogram
    FROM generate_series(0, 31) AS s
)
INSERT INTO ai_model_analytics (
    organization_id, model_id, feature_id, date, total_requests, success_count, error_count, errors_by_type,
    success_rate, avg_response_time, duration_sum_ms, duration_count, latency_histogram, input_tokens, output_tokens,
    total_cost, priced_requests, outcome_score_sum, outcome_count
)
SELECT s.organization_id, s.current_model_id, s.feature_id, d::date, 406, 400, 6, '{"rate_limited": 4, "timeout": 2}',
    0.9852, 850, 345100, 406, p.histogram, 300000, 50000, 0.5 + abs(hashtext(s.feature_id)) % 100 / 50.0, 406, 90, 100
FROM ai_feature_settings AS s
CROSS JOIN generate_series(cast(:first AS timestamp), cast(:last AS timestamp), interval '1 day') AS d
INNER JOIN shapes AS p ON p.s = abs(hashtext(s.feature_id || d)) % 32;
"""
DAYS_OF_ORGANIZATIONS = """
INSERT INTO ai_organization_days (
    organization_id, date, total_requests, success_count, error_count, total_cost, priced_requests, unpriced_requests,
    estimated_requests, outcome_score_sum, outcome_count, simulated
)
SELECT
    organization_id, date, sum(total_requests), sum(success_count), sum(error_count), sum(total_cost),
    sum(priced_requests), sum(unpriced_requests), sum(estimated_requests), sum(outcome_score_sum), sum(outcome_count),
    bool_or(simulated)
FROM ai_model_analytics GROUP BY organization_id, date;
"""
LIVE = """
INSERT INTO ai_usage_events (
    organization_id, feature_id, provider, requested_model, request_id, occurred_at, received_at, input_tokens,
    output_tokens, duration_ms, error_type
)
SELECT md5('o' || e % :live)::uuid, 'feature_' || e % 7, 'openai', 'bench-' || 4 * (e % 5), 'live-' || e,
    cast(:now AS timestamptz) - interval '1 hour' * (e::float / cast(:events AS integer)), now(), 800, 120,
    300 + e % 1500, CASE WHEN e % 70 = 0 THEN 'rate_limited' END
FROM generate_series(1, cast(:events AS integer)) AS e;
"""


def fill(engine: Engine) -> None:
    """Make the rows, then vacuum and analyse."""
    at = now()
    today = at.date()
    sizes = {"models": MODELS, "organizations": ORGANIZATIONS, "features": FEATURES, "today": today}
    with engine.begin() as connection:
        for statement in NAMES.split(";\n"):
            if statement.strip():
                connection.execute(text(statement), sizes)
        for night in range(NIGHTS - 1, -1, -1):
            connection.execute(text(RECOMMENDATIONS), {**sizes, "night": night})
    for begin in range(DAYS, 0, -30):
        with engine.begin() as connection:
            connection.execute(
                text(ANALYTICS),
                {"first": today - timedelta(days=begin), "last": today - timedelta(days=begin - 29)},
            )
    with engine.begin() as connection:
        connection.execute(text(DAYS_OF_ORGANIZATIONS))
    with engine.begin() as connection:
        days = {"first": date.fromordinal(today.toordinal() - 1), "last": today}
        connection.execute(text("SELECT modelscout.ensure_usage_partitions(:first, :last)"), days)
        connection.execute(
            text(LIVE), {"live": LIVE_ORGANIZATIONS, "events": LIVE_EVENTS, "now": at.isoformat()}
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


if __name__ == "__main__":
    url = sys.argv[1]
    upgrade(url)
    began = time.monotonic()
    fill(open_engine(url))
    print(f"made in {time.monotonic() - began:.0f} s")
