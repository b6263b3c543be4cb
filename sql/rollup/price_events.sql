-- Grain: one event of the changed days with its model, price and outcome. Owner: analytics.
-- Reads: ai_usage_events, ai_usage_outcomes, ai_models, ai_model_prices.
-- Writes: the temporary table priced_events.
-- The SQL twin of modelscout.costs.pricing.price_usage: the two are held equal by a property test.
CREATE TEMPORARY TABLE priced_events ON COMMIT DROP AS
WITH day_events AS (
    SELECT
        e.*,
        d.day
    FROM changed_days AS d
    INNER JOIN ai_usage_events AS e
        ON
            d.organization_id = e.organization_id
            AND e.occurred_at >= d.day::timestamp AT TIME ZONE 'UTC'
            AND e.occurred_at < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
),

names AS (
    SELECT
        provider,
        requested_model AS named
    FROM day_events
    UNION
    SELECT
        provider,
        served_model AS named
    FROM day_events
    WHERE served_model IS NOT NULL
),

named_models AS (
    SELECT DISTINCT ON (n.provider, n.named)
        n.provider,
        n.named,
        m.id AS model_id,
        m.provider_model_id
    FROM names AS n
    INNER JOIN ai_models AS m
        ON
            n.provider = m.provider
            AND (
                n.named = m.provider_model_id
                OR n.named = any(m.aliases)
                OR m.provider_model_id = regexp_replace(n.named, '-(\d{4}-\d{2}-\d{2}|\d{8})$', '')
            )
    ORDER BY
        n.provider ASC, n.named ASC, (m.provider_model_id = n.named) DESC, (n.named = any(m.aliases)) DESC
),

outcomes AS (
    SELECT
        o.organization_id,
        o.request_id,
        avg(o.score) AS score
    FROM ai_usage_outcomes AS o
    GROUP BY o.organization_id, o.request_id
)

SELECT
    e.organization_id,
    e.feature_id,
    e.day,
    e.occurred_at,
    e.request_id,
    e.attempt,
    requested.model_id,
    e.error_type,
    e.duration_ms,
    e.confidence,
    e.user_hash,
    e.input_tokens,
    e.output_tokens,
    e.cache_read_tokens,
    e.cache_write_tokens,
    e.cache_write_1h_tokens,
    e.reasoning_tokens,
    e.image_tokens,
    e.image_count,
    e.operations,
    e.simulated,
    CASE WHEN e.error_type IS NULL THEN o.score END AS outcome_score,
    CASE
        WHEN e.error_type IS NOT NULL AND e.input_tokens + e.output_tokens + e.operations = 0 THEN 0
        ELSE p.cost_usd
    END AS cost_usd,
    coalesce(p.estimated, FALSE) AS estimated
FROM day_events AS e
INNER JOIN
    named_models AS requested
    ON e.provider = requested.provider AND e.requested_model = requested.named
LEFT JOIN named_models AS served ON e.provider = served.provider AND e.served_model = served.named
LEFT JOIN outcomes AS o ON e.organization_id = o.organization_id AND e.request_id = o.request_id
LEFT JOIN LATERAL modelscout.price_usage(
    e.organization_id,
    e.provider,
    coalesce(served.provider_model_id, requested.provider_model_id),
    e.processing,
    e.occurred_at,
    e.input_tokens,
    e.output_tokens,
    e.cache_read_tokens,
    e.cache_write_tokens,
    e.cache_write_1h_tokens,
    e.operations,
    e.image_count
) AS p ON TRUE;
