-- Grain: one event of the changed days with its model, price and outcome. Owner: analytics.
-- Reads: ai_usage_events, ai_usage_outcomes, ai_models, ai_model_prices.
-- Writes: the temporary table priced_events.
-- Every kind of call is resolved and its prices are looked up once; the events then join their period, by
-- modelscout.price_periods and usage_cost, the rule of docs/prices.md.
CREATE TEMPORARY TABLE priced_events ON COMMIT DROP AS
WITH kinds AS (
    SELECT DISTINCT
        e.organization_id,
        e.provider,
        e.requested_model,
        e.processing,
        coalesce(e.served_model, '') AS served_model
    FROM changed_days AS d
    INNER JOIN ai_usage_events AS e
        ON
            d.organization_id = e.organization_id
            AND e.occurred_at >= d.day::timestamp AT TIME ZONE 'UTC'
            AND e.occurred_at < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
),

resolved AS MATERIALIZED (
    SELECT
        k.*,
        requested.model_id,
        coalesce(served.provider_model_id, requested.provider_model_id) AS priced_model,
        row_number() OVER () AS kind
    FROM
        -- As one value, so that the planner takes it for as small as it is.
        jsonb_to_recordset((SELECT jsonb_agg(to_jsonb(f.*)) FROM kinds AS f))
            AS k (
                organization_id uuid, provider text, requested_model text, processing text, served_model text
            )
    CROSS JOIN LATERAL modelscout.model_named(k.provider, k.requested_model, k.organization_id) AS requested
    LEFT JOIN LATERAL modelscout.model_named(k.provider, k.served_model, k.organization_id) AS served ON TRUE
),

prices AS MATERIALIZED (
    SELECT
        r.kind,
        p.*
    FROM resolved AS r
    CROSS JOIN
        LATERAL modelscout.price_periods(r.organization_id, r.provider, r.priced_model, r.processing) AS p
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
    r.model_id,
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
        -- Without a price in force even nothing has no known cost.
        WHEN p.price_id IS NOT NULL
            THEN modelscout.usage_cost(
                e.input_tokens, e.output_tokens, e.cache_read_tokens, e.cache_write_tokens,
                e.cache_write_1h_tokens, e.operations, e.image_count, p.input_usd, p.cache_read_usd,
                p.cache_write_usd, p.cache_write_1h_usd, p.output_usd, p.operation_usd, p.image_usd
            )
    END AS cost_usd,
    coalesce(p.estimated, FALSE) AS estimated
FROM (
    SELECT
        v.*,
        d.day
    FROM changed_days AS d
    INNER JOIN ai_usage_events AS v
        ON
            d.organization_id = v.organization_id
            AND v.occurred_at >= d.day::timestamp AT TIME ZONE 'UTC'
            AND v.occurred_at < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
    -- Keeps the planner from joining all events of an organization before it looks at the days.
    OFFSET 0 -- noqa: AM09
) AS e
LEFT JOIN resolved AS r
    ON
        e.organization_id = r.organization_id
        AND e.provider = r.provider
        AND e.requested_model = r.requested_model
        AND e.processing = r.processing
        AND coalesce(e.served_model, '') = r.served_model
LEFT JOIN prices AS p
    ON
        r.kind = p.kind
        AND e.occurred_at >= p.valid_from
        AND e.occurred_at < p.valid_until
        AND e.input_tokens > p.more_than_input_tokens
        AND e.input_tokens <= p.up_to_input_tokens
LEFT JOIN outcomes AS o ON e.organization_id = o.organization_id AND e.request_id = o.request_id;
