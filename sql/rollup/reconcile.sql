-- Grain: one figure of one organization on the day that its events, hours and day do not agree on. Owner: analytics.
-- Reads: changed_hours, changed_events, usage_prices, ai_model_analytics_hourly, ai_model_analytics.
-- Empty when all is well, to the last digit. The changed hours are held against their events, every event priced
-- alone; the day against all of its hours, of which the others were held against theirs when they were made.
WITH raw AS (
    SELECT
        e.organization_id,
        count(*) AS requests,
        count(e.error_type) AS errors,
        count(e.duration_ms) AS durations,
        sum(e.input_tokens) AS input_tokens,
        sum(e.output_tokens) AS output_tokens,
        sum(e.cache_read_tokens) AS cache_read_tokens,
        sum(e.cache_write_tokens) AS cache_write_tokens,
        sum(e.cache_write_1h_tokens) AS cache_write_1h_tokens,
        sum(e.reasoning_tokens) AS reasoning_tokens,
        sum(e.image_tokens) AS image_tokens,
        sum(e.image_count) AS image_count,
        sum(e.operations) AS operations,
        sum(e.cost_usd) AS cost_usd,
        count(e.cost_usd) AS priced_requests
    FROM (
        SELECT
            v.*,
            CASE
                WHEN v.error_type IS NOT NULL AND v.input_tokens + v.output_tokens + v.operations = 0 THEN 0
                WHEN p.price_id IS NOT NULL
                    THEN modelscout.usage_cost(
                        v.input_tokens, v.output_tokens, v.cache_read_tokens, v.cache_write_tokens,
                        v.cache_write_1h_tokens, v.operations, v.image_count, p.input_usd, p.cache_read_usd,
                        p.cache_write_usd, p.cache_write_1h_usd, p.output_usd, p.operation_usd, p.image_usd
                    )
            END AS cost_usd
        FROM changed_events AS v
        LEFT JOIN usage_prices AS p
            ON
                v.organization_id = p.organization_id
                AND v.provider = p.provider
                AND v.requested_model = p.requested_model
                AND coalesce(v.served_model, '') = p.served_model
                AND v.processing = p.processing
                AND v.occurred_at >= p.valid_from
                AND v.occurred_at < p.valid_until
                AND v.input_tokens > p.more_than_input_tokens
                AND v.input_tokens <= p.up_to_input_tokens
    ) AS e
    GROUP BY e.organization_id
),

hours AS (
    SELECT
        h.*,
        c.hour IS NOT NULL AS changed
    FROM (SELECT DISTINCT x.organization_id FROM changed_hours AS x) AS d
    INNER JOIN ai_model_analytics_hourly AS h ON d.organization_id = h.organization_id
    LEFT JOIN changed_hours AS c ON h.organization_id = c.organization_id AND h.hour = c.hour
    WHERE h.hour >= :from_at AND h.hour < :until_at
),

figures AS (
    SELECT
        r.organization_id,
        'events' AS side,
        'changed hours' AS scope,
        ARRAY[
            r.requests, r.errors, r.durations, r.input_tokens, r.output_tokens, r.cache_read_tokens,
            r.cache_write_tokens, r.cache_write_1h_tokens, r.reasoning_tokens, r.image_tokens, r.image_count,
            r.operations, coalesce(r.cost_usd, 0), r.priced_requests
        ] AS amounts
    FROM raw AS r
    UNION ALL
    SELECT
        h.organization_id,
        'rolled up' AS side,
        'changed hours' AS scope,
        ARRAY[
            sum(h.total_requests), sum(h.error_count), sum(h.duration_count), sum(h.input_tokens),
            sum(h.output_tokens), sum(h.cache_read_tokens), sum(h.cache_write_tokens),
            sum(h.cache_write_1h_tokens), sum(h.reasoning_tokens), sum(h.image_tokens), sum(h.image_count),
            sum(h.operations), coalesce(sum(h.total_cost), 0), sum(h.priced_requests)
        ] AS amounts
    FROM hours AS h
    WHERE h.changed
    GROUP BY h.organization_id
    UNION ALL
    SELECT
        h.organization_id,
        'events' AS side,
        'day' AS scope,
        ARRAY[
            sum(h.total_requests), sum(h.error_count), sum(h.duration_count), sum(h.input_tokens),
            sum(h.output_tokens), sum(h.cache_read_tokens), sum(h.cache_write_tokens),
            sum(h.cache_write_1h_tokens), sum(h.reasoning_tokens), sum(h.image_tokens), sum(h.image_count),
            sum(h.operations), coalesce(sum(h.total_cost), 0), sum(h.priced_requests)
        ] AS amounts
    FROM hours AS h
    GROUP BY h.organization_id
    UNION ALL
    SELECT
        a.organization_id,
        'rolled up' AS side,
        'day' AS scope,
        ARRAY[
            sum(a.total_requests), sum(a.error_count), sum(a.duration_count), sum(a.input_tokens),
            sum(a.output_tokens), sum(a.cache_read_tokens), sum(a.cache_write_tokens),
            sum(a.cache_write_1h_tokens), sum(a.reasoning_tokens), sum(a.image_tokens), sum(a.image_count),
            sum(a.operations), coalesce(sum(a.total_cost), 0), sum(a.priced_requests)
        ] AS amounts
    FROM (SELECT DISTINCT x.organization_id FROM changed_hours AS x) AS d
    INNER JOIN ai_model_analytics AS a ON d.organization_id = a.organization_id
    WHERE a.date = cast(:day AS date)
    GROUP BY a.organization_id
),

expected AS (
    SELECT f.*
    FROM figures AS f
    WHERE f.side = 'events'
),

found AS (
    SELECT f.*
    FROM figures AS f
    WHERE f.side = 'rolled up'
)

SELECT
    coalesce(e.organization_id, r.organization_id)::text AS organization_id,
    cast(:day AS date) AS day,
    coalesce(e.scope, r.scope) AS scope,
    f.figure,
    e.amounts[f.number]::text AS expected,
    r.amounts[f.number]::text AS rolled_up
FROM expected AS e
FULL JOIN found AS r
    ON e.organization_id = r.organization_id AND e.scope = r.scope
CROSS JOIN
    unnest(
        ARRAY[
            'requests', 'errors', 'durations', 'input_tokens', 'output_tokens', 'cache_read_tokens',
            'cache_write_tokens', 'cache_write_1h_tokens', 'reasoning_tokens', 'image_tokens', 'image_count',
            'operations', 'cost_usd', 'priced_requests'
        ]
    ) WITH ORDINALITY AS f (figure, number)
WHERE e.amounts[f.number] IS DISTINCT FROM r.amounts[f.number]
ORDER BY 1, 3, f.number;
