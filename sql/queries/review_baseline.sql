-- Grain: calls of the former model before the switch of one kind of request, in which the same kinds of tokens occur
-- and which no price tier parts. Owner: recommender. Reads: recommendation_adoptions seen first now, ai_usage_events,
-- ai_models, ai_model_prices. Writes: recommendation_baselines.
-- Failed attempts that used tokens belong to the answers of their kind. What each call cost only serves to tell how
-- much the requests of a kind differ.
WITH fresh AS (
    SELECT
        a.recommendation_id,
        a.organization_id,
        a.feature_id,
        a.former_model_id,
        a.switched_at,
        m.provider,
        m.provider_model_id
    FROM recommendation_adoptions AS a
    INNER JOIN ai_models AS m ON a.former_model_id = m.id
    WHERE a.consumed_until IS NULL
),

-- Tiers of any price: finer than need be for one model, and the same for all.
tiers AS (
    SELECT coalesce(array_agg(DISTINCT p.above_input_tokens ORDER BY p.above_input_tokens), '{}') AS tokens
    FROM ai_model_prices AS p
    WHERE p.superseded_at IS NULL AND p.above_input_tokens > 0
),

names AS (
    SELECT
        d.recommendation_id,
        d.requested_model
    FROM (
        SELECT DISTINCT
            f.recommendation_id,
            f.organization_id,
            f.provider,
            f.former_model_id,
            e.requested_model
        FROM fresh AS f
        INNER JOIN ai_usage_events AS e
            ON
                f.organization_id = e.organization_id
                AND f.feature_id = e.feature_id
                AND f.provider = e.provider
                AND f.switched_at > e.occurred_at
                AND f.switched_at - interval '30 days' <= e.occurred_at
    ) AS d
    CROSS JOIN LATERAL modelscout.model_named(d.provider, d.requested_model, d.organization_id) AS n
    WHERE n.model_id = d.former_model_id
),

prices AS (
    SELECT
        f.recommendation_id,
        c.processing,
        p.*
    FROM fresh AS f
    CROSS JOIN (VALUES ('standard'), ('batch'), ('flex'), ('priority')) AS c (processing)
    CROSS JOIN LATERAL modelscout.price_periods(
        f.organization_id, f.provider, f.provider_model_id, c.processing
    ) AS p
)

INSERT INTO recommendation_baselines (
    recommendation_id,
    organization_id,
    processing,
    complexity,
    images,
    size,
    kinds,
    input_tier,
    attempts,
    answers,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, operations,
    image_count, priced, cost_usd, cost_usd_squared
)
SELECT
    f.recommendation_id,
    f.organization_id,
    e.processing,
    CASE
        WHEN e.workload ->> 'complexity' IN ('low', 'medium', 'high') THEN e.workload ->> 'complexity'
        ELSE ''
    END,
    least(e.image_count, 4)::smallint,
    modelscout.request_size(e.input_tokens - e.image_tokens),
    (
        (e.input_tokens > e.cache_read_tokens + e.cache_write_tokens)::integer
        + (e.output_tokens > 0)::integer * 2
        + (e.cache_read_tokens > 0)::integer * 4
        + (e.cache_write_tokens > e.cache_write_1h_tokens)::integer * 8
        + (e.cache_write_1h_tokens > 0)::integer * 16
        + (e.operations > 0)::integer * 32
        + (e.image_count > 0)::integer * 64
    )::smallint,
    width_bucket(e.input_tokens - 1, t.tokens)::smallint,
    count(*),
    count(*) FILTER (WHERE e.error_type IS NULL),
    sum(e.input_tokens)::bigint,
    sum(e.output_tokens)::bigint,
    sum(e.cache_read_tokens)::bigint,
    sum(e.cache_write_tokens)::bigint,
    sum(e.cache_write_1h_tokens)::bigint,
    sum(e.operations),
    sum(e.image_count),
    count(c.cost_usd),
    coalesce(sum(c.cost_usd), 0),
    coalesce(sum(c.cost_usd * c.cost_usd), 0)
FROM fresh AS f
INNER JOIN names AS n ON f.recommendation_id = n.recommendation_id
INNER JOIN ai_usage_events AS e
    ON
        f.organization_id = e.organization_id
        AND f.feature_id = e.feature_id
        AND f.provider = e.provider
        AND n.requested_model = e.requested_model
        AND f.switched_at > e.occurred_at
        AND f.switched_at - interval '30 days' <= e.occurred_at
CROSS JOIN tiers AS t
LEFT JOIN prices AS p
    ON
        f.recommendation_id = p.recommendation_id
        AND e.processing = p.processing
        AND e.occurred_at >= p.valid_from
        AND e.occurred_at < p.valid_until
        AND e.input_tokens > p.more_than_input_tokens
        AND e.input_tokens <= p.up_to_input_tokens
CROSS JOIN
    LATERAL modelscout.usage_cost(
        e.input_tokens, e.output_tokens, e.cache_read_tokens, e.cache_write_tokens, e.cache_write_1h_tokens,
        e.operations, e.image_count, p.input_usd, p.cache_read_usd, p.cache_write_usd, p.cache_write_1h_usd,
        p.output_usd, p.operation_usd, p.image_usd
    ) AS c (cost_usd)
WHERE e.error_type IS NULL OR e.input_tokens + e.output_tokens + e.operations > 0
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
ON CONFLICT DO NOTHING;
