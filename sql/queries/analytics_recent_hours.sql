-- Grain: one hour after :since up to :until (at most two days) of the given organizations together, and with hour NULL
-- all of them. Owner: analytics. Reads: organizations, ai_model_analytics_hourly, through its primary key.
-- NULL for :organization_ids means all of them.
SELECT
    h.hour,
    sum(h.total_requests)::bigint AS requests,
    sum(h.success_count)::bigint AS answers,
    sum(h.input_tokens)::bigint AS input_tokens,
    sum(h.output_tokens)::bigint AS output_tokens,
    sum(h.total_cost) AS cost_usd,
    sum(h.unpriced_requests)::bigint AS unpriced_requests,
    count(DISTINCT h.organization_id)::bigint AS organizations,
    bool_or(h.simulated) AS simulated
FROM organizations AS o
INNER JOIN ai_model_analytics_hourly AS h
    ON
        o.id = h.organization_id
        AND h.hour >= cast(:since AS timestamptz)
        AND h.hour <= cast(:until AS timestamptz)
WHERE cast(:organization_ids AS uuid[]) IS NULL OR o.id = any(cast(:organization_ids AS uuid[]))
GROUP BY GROUPING SETS ((h.hour), ())
HAVING count(*) > 0
ORDER BY h.hour ASC NULLS FIRST;
