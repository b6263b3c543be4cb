-- Grain: one organization, the highest spend of the last period first. Owner: analytics.
-- Reads: ai_organization_days, organizations. Parameters: organization_ids (NULL: all), former_first_day, first_day,
-- until (not included), max_rows. Costs are of the priced requests; NULL where none is priced.
SELECT
    o.id::text AS organization_id,
    coalesce(o.slug, o.id::text) AS organization,
    coalesce(o.name, o.slug, o.id::text) AS name,
    s.cost_usd,
    s.former_cost_usd,
    s.requests,
    s.unpriced_requests,
    coalesce(o.simulated OR s.simulated, FALSE) AS simulated
FROM (
    SELECT
        d.organization_id,
        sum(d.total_cost) FILTER (WHERE d.date >= cast(:first_day AS date)) AS cost_usd,
        sum(d.total_cost) FILTER (WHERE d.date < cast(:first_day AS date)) AS former_cost_usd,
        coalesce(
            sum(d.total_requests) FILTER (WHERE d.date >= cast(:first_day AS date)), 0
        )::bigint AS requests,
        coalesce(
            sum(d.unpriced_requests) FILTER (WHERE d.date >= cast(:first_day AS date)), 0
        )::bigint AS unpriced_requests,
        bool_or(d.simulated) AS simulated
    FROM ai_organization_days AS d
    WHERE
        d.date >= cast(:former_first_day AS date)
        AND d.date < cast(:until AS date)
        AND (
            cast(:organization_ids AS uuid[]) IS NULL
            OR d.organization_id = any(cast(:organization_ids AS uuid[]))
        )
    GROUP BY d.organization_id
) AS s
INNER JOIN organizations AS o ON s.organization_id = o.id
ORDER BY s.cost_usd DESC NULLS LAST, o.id ASC
LIMIT :max_rows;
