-- Grain: one figure of one organization on one whole day that its events, hours, sums and day do not agree on.
-- Owner: analytics. Reads: ai_usage_events, ai_model_analytics_hourly, ai_usage_priced_sums, ai_model_analytics.
-- Empty when the day may be closed. organization_id NULL: nobody knows it, its events are not rolled up. Money is that of the prices it was rolled up with: what is still compared with the
-- prices of today is repricing.
WITH raw AS (
    SELECT
        e.organization_id,
        count(*) AS requests,
        sum(e.input_tokens) AS input_tokens,
        sum(e.output_tokens) AS output_tokens,
        sum(e.cache_read_tokens) AS cache_read_tokens,
        sum(e.cache_write_tokens) AS cache_write_tokens,
        sum(e.cache_write_1h_tokens) AS cache_write_1h_tokens,
        sum(e.reasoning_tokens) AS reasoning_tokens,
        sum(e.image_tokens) AS image_tokens,
        sum(e.image_count) AS image_count,
        sum(e.operations) AS operations
    FROM ai_usage_events AS e
    WHERE e.occurred_at >= :from_at AND e.occurred_at < :until_at
    GROUP BY e.organization_id
),

hours AS (
    SELECT
        h.organization_id,
        sum(h.total_requests) AS requests,
        sum(h.input_tokens) AS input_tokens,
        sum(h.output_tokens) AS output_tokens,
        sum(h.cache_read_tokens) AS cache_read_tokens,
        sum(h.cache_write_tokens) AS cache_write_tokens,
        sum(h.cache_write_1h_tokens) AS cache_write_1h_tokens,
        sum(h.reasoning_tokens) AS reasoning_tokens,
        sum(h.image_tokens) AS image_tokens,
        sum(h.image_count) AS image_count,
        sum(h.operations) AS operations,
        coalesce(sum(h.total_cost), 0) AS cost_usd
    FROM ai_model_analytics_hourly AS h
    WHERE h.hour >= :from_at AND h.hour < :until_at
    GROUP BY h.organization_id
),

sums AS (
    SELECT
        s.organization_id,
        coalesce(sum(s.cost_usd), 0) AS cost_usd
    FROM ai_usage_priced_sums AS s
    WHERE s.hour >= :from_at AND s.hour < :until_at
    GROUP BY s.organization_id
),

days AS (
    SELECT
        a.organization_id,
        sum(a.total_requests) AS requests,
        coalesce(sum(a.total_cost), 0) AS cost_usd
    FROM ai_model_analytics AS a
    WHERE a.date = cast(:day AS date)
    GROUP BY a.organization_id
),

compared AS (
    SELECT
        coalesce(r.organization_id, h.organization_id) AS organization_id,
        ARRAY[
            r.requests, r.requests, r.input_tokens, r.output_tokens, r.cache_read_tokens,
            r.cache_write_tokens, r.cache_write_1h_tokens, r.reasoning_tokens, r.image_tokens,
            r.image_count, r.operations, h.cost_usd, h.cost_usd
        ] AS expected,
        ARRAY[
            h.requests, d.requests, h.input_tokens, h.output_tokens, h.cache_read_tokens,
            h.cache_write_tokens, h.cache_write_1h_tokens, h.reasoning_tokens, h.image_tokens,
            h.image_count, h.operations, coalesce(s.cost_usd, 0), d.cost_usd
        ] AS found
    FROM raw AS r
    FULL JOIN hours AS h ON r.organization_id = h.organization_id
    LEFT JOIN sums AS s ON h.organization_id = s.organization_id
    LEFT JOIN days AS d ON h.organization_id = d.organization_id
)

SELECT
    o.id::text AS organization_id,
    cast(:day AS date) AS day,
    f.figure,
    c.expected[f.number]::text AS expected,
    c.found[f.number]::text AS rolled_up
FROM compared AS c
LEFT JOIN organizations AS o ON c.organization_id = o.id
CROSS JOIN
    unnest(
        ARRAY[
            'requests', 'requests of the day', 'input_tokens', 'output_tokens', 'cache_read_tokens',
            'cache_write_tokens', 'cache_write_1h_tokens', 'reasoning_tokens', 'image_tokens', 'image_count',
            'operations', 'cost_usd of the sums', 'cost_usd of the day'
        ]
    ) WITH ORDINALITY AS f (figure, number)
WHERE c.expected[f.number] IS DISTINCT FROM c.found[f.number]
ORDER BY c.organization_id, f.number;
