-- Grain: one organization with use on the days :since to :until, both included, the dearest first; :most of them.
-- Owner: analytics. Reads: ai_model_analytics by date, or by organization and date; organizations.
-- NULL for :organization_ids means all of them. What has no known cost at all comes last: unknown is not zero.
SELECT
    o.id::text AS id,
    coalesce(o.slug, o.id::text) AS organization,
    coalesce(o.name, o.slug, o.id::text) AS name,
    u.requests,
    u.answers,
    u.cost_usd,
    u.unpriced_requests,
    u.simulated
FROM (
    SELECT
        a.organization_id,
        sum(a.total_requests)::bigint AS requests,
        sum(a.success_count)::bigint AS answers,
        sum(a.total_cost) AS cost_usd,
        sum(a.unpriced_requests)::bigint AS unpriced_requests,
        bool_or(a.simulated) AS simulated
    FROM ai_model_analytics AS a
    WHERE
        a.date BETWEEN cast(:since AS date) AND cast(:until AS date)
        AND (
            cast(:organization_ids AS uuid[]) IS NULL
            OR a.organization_id = any(cast(:organization_ids AS uuid[]))
        )
    GROUP BY a.organization_id
) AS u
INNER JOIN organizations AS o ON u.organization_id = o.id
ORDER BY u.cost_usd DESC NULLS LAST, u.requests DESC, o.id ASC
LIMIT :most;
