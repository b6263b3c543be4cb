-- Grain: one organization and day whose rollup differs from its events. Owner: analytics.
-- Reads: ai_usage_events, priced_events, ai_model_analytics. Empty when all is well, to the last digit.
WITH raw AS (
    SELECT
        e.organization_id,
        d.day,
        count(*) AS requests,
        sum(e.input_tokens) AS input_tokens,
        sum(e.output_tokens) AS output_tokens
    FROM changed_days AS d
    INNER JOIN ai_usage_events AS e
        ON
            d.organization_id = e.organization_id
            AND e.occurred_at >= d.day::timestamp AT TIME ZONE 'UTC'
            AND e.occurred_at < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
    GROUP BY e.organization_id, d.day
),

money AS (
    SELECT
        p.organization_id,
        p.day,
        coalesce(sum(p.cost_usd), 0) AS cost_usd
    FROM priced_events AS p
    GROUP BY p.organization_id, p.day
),

rolled AS (
    SELECT
        a.organization_id,
        a.date AS day,
        sum(a.total_requests) AS requests,
        sum(a.input_tokens) AS input_tokens,
        sum(a.output_tokens) AS output_tokens,
        coalesce(sum(a.total_cost), 0) AS cost_usd
    FROM ai_model_analytics AS a
    INNER JOIN changed_days AS d ON a.organization_id = d.organization_id AND a.date = d.day
    GROUP BY a.organization_id, a.date
)

SELECT
    r.organization_id::text AS organization_id,
    r.day,
    r.requests AS raw_requests,
    o.requests AS rolled_requests,
    m.cost_usd AS raw_cost_usd,
    o.cost_usd AS rolled_cost_usd
FROM raw AS r
LEFT JOIN money AS m ON r.organization_id = m.organization_id AND r.day = m.day
LEFT JOIN rolled AS o ON r.organization_id = o.organization_id AND r.day = o.day
WHERE
    (r.requests, r.input_tokens, r.output_tokens, m.cost_usd)
    IS DISTINCT FROM (o.requests, o.input_tokens, o.output_tokens, o.cost_usd)
ORDER BY r.organization_id, r.day;
