-- Grain: one organization's feature that a model served over the days after :since. Owner: analytics.
-- Reads: ai_model_analytics (ai_model_analytics_key), organizations. organization_ids NULL means all.
SELECT
    o.slug AS organization,
    coalesce(o.name, o.slug, o.id::text) AS organization_name,
    a.feature_id AS feature,
    sum(a.total_requests)::bigint AS requests,
    (sum(a.success_count) / nullif(sum(a.total_requests), 0))::double precision AS success_rate,
    (sum(a.duration_sum_ms) / nullif(sum(a.duration_count), 0))::double precision AS mean_ms,
    (sum(a.outcome_score_sum) / nullif(sum(a.outcome_count), 0))::double precision AS quality,
    sum(a.total_cost) AS cost_usd,
    sum(a.unpriced_requests)::bigint AS unpriced_requests,
    max(a.date) AS last_day,
    bool_or(a.simulated) AS simulated,
    count(*) OVER () AS features
FROM ai_model_analytics AS a
INNER JOIN organizations AS o ON a.organization_id = o.id
WHERE
    a.model_id = cast(:model_id AS uuid)
    AND a.date > cast(:since AS date)
    AND (
        cast(:organization_ids AS uuid[]) IS NULL
        OR a.organization_id = any(cast(:organization_ids AS uuid[]))
    )
GROUP BY o.id, o.slug, o.name, a.feature_id
ORDER BY requests DESC, organization ASC, feature ASC
LIMIT :max_rows;
