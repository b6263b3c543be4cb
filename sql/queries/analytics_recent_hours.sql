-- Grain: one hour after :since up to :until (some hours: an hour of all organizations is many rows) of the given
-- organizations together, and with hour NULL all of them. Owner: analytics. Reads: organizations,
-- ai_model_analytics_hourly, for each organization through the primary key. NULL for :organization_ids means all.
WITH hours AS MATERIALIZED (
    SELECT
        o.id AS organization_id,
        r.*
    FROM organizations AS o
    INNER JOIN LATERAL (
        SELECT
            h.hour,
            sum(h.total_requests) AS requests,
            sum(h.success_count) AS answers,
            sum(h.input_tokens) AS input_tokens,
            sum(h.output_tokens) AS output_tokens,
            sum(h.total_cost) AS cost_usd,
            sum(h.unpriced_requests) AS unpriced_requests,
            bool_or(h.simulated) AS simulated
        FROM ai_model_analytics_hourly AS h
        WHERE
            h.organization_id = o.id
            AND h.hour > cast(:since AS timestamptz)
            AND h.hour <= cast(:until AS timestamptz)
        GROUP BY h.hour
    ) AS r ON TRUE
    WHERE cast(:organization_ids AS uuid[]) IS NULL OR o.id = any(cast(:organization_ids AS uuid[]))
)

SELECT
    r.hour,
    sum(r.requests)::bigint AS requests,
    sum(r.answers)::bigint AS answers,
    sum(r.input_tokens)::bigint AS input_tokens,
    sum(r.output_tokens)::bigint AS output_tokens,
    sum(r.cost_usd) AS cost_usd,
    sum(r.unpriced_requests)::bigint AS unpriced_requests,
    count(DISTINCT r.organization_id)::bigint AS organizations,
    bool_or(r.simulated) AS simulated
FROM hours AS r
GROUP BY GROUPING SETS ((r.hour), ())
HAVING count(*) > 0
ORDER BY r.hour ASC NULLS FIRST;
