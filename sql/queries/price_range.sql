-- Grain: one event of a range of time with its cost as of its own time. Owner: analytics.
-- Reads: ai_usage_events, ai_models, ai_model_prices. Writes nothing. Parameters: from_at (included), until_at.
-- The rule of docs/prices.md as modelscout.price_periods and usage_cost hold it. Every kind of call is resolved and
-- its prices are looked up once; the events then join their period.
WITH kinds AS (
    SELECT DISTINCT
        organization_id,
        provider,
        requested_model,
        processing,
        coalesce(served_model, '') AS served_model
    FROM ai_usage_events
    WHERE
        occurred_at >= :from_at
        AND occurred_at < :until_at
),

prices AS (
    SELECT
        k.*,
        r.*
    FROM
        -- As one value, which is found before the rest begins: workers share it, the planner takes it for small.
        jsonb_to_recordset((SELECT jsonb_agg(to_jsonb(f.*)) FROM kinds AS f))
            AS k (
                organization_id uuid, provider text, requested_model text, processing text, served_model text
            )
    LEFT JOIN LATERAL modelscout.model_named(k.provider, k.requested_model, k.organization_id) AS requested
        ON TRUE
    LEFT JOIN LATERAL modelscout.model_named(k.provider, k.served_model, k.organization_id) AS served ON TRUE
    CROSS JOIN LATERAL modelscout.price_periods(
        k.organization_id,
        k.provider,
        coalesce(served.provider_model_id, requested.provider_model_id),
        k.processing
    ) AS r
)

SELECT
    e.organization_id,
    e.request_id,
    e.attempt,
    e.occurred_at,
    p.price_id,
    p.estimated,
    CASE
        WHEN e.error_type IS NOT NULL AND e.input_tokens + e.output_tokens + e.operations = 0 THEN 0
        -- Without a price in force even nothing has no known cost.
        WHEN p.price_id IS NOT NULL
            THEN modelscout.usage_cost(
                e.input_tokens, e.output_tokens, e.cache_read_tokens, e.cache_write_tokens,
                e.cache_write_1h_tokens, e.operations, e.image_count, p.input_usd, p.cache_read_usd,
                p.cache_write_usd, p.cache_write_1h_usd, p.output_usd, p.operation_usd, p.image_usd
            )
    END AS cost_usd
FROM ai_usage_events AS e
LEFT JOIN prices AS p
    ON
        e.organization_id = p.organization_id
        AND e.provider = p.provider
        AND e.requested_model = p.requested_model
        AND e.processing = p.processing
        AND coalesce(e.served_model, '') = p.served_model
        AND e.occurred_at >= p.valid_from
        AND e.occurred_at < p.valid_until
        AND e.input_tokens > p.more_than_input_tokens
        AND e.input_tokens <= p.up_to_input_tokens
WHERE
    e.occurred_at >= :from_at
    AND e.occurred_at < :until_at
