-- Grain: one day with traffic, all asked organizations together. Owner: analytics. Reads: ai_organization_days.
-- Parameters: organization_ids (NULL: all), former_first_day, until (not included). cost_usd: of the priced requests.
SELECT
    d.date AS day,
    sum(d.total_cost) AS cost_usd,
    sum(d.total_requests)::bigint AS requests,
    sum(d.unpriced_requests)::bigint AS unpriced_requests,
    bool_or(d.simulated) AS simulated
FROM ai_organization_days AS d
WHERE
    d.date >= cast(:former_first_day AS date)
    AND d.date < cast(:until AS date)
    AND (
        cast(:organization_ids AS uuid[]) IS NULL
        OR d.organization_id = any(cast(:organization_ids AS uuid[]))
    )
GROUP BY d.date
ORDER BY d.date;
