-- Grain: one feature and model, the dearest first, over the days :since to :until, both included. Owner: analytics.
-- Reads: ai_model_analytics, ai_models. What has no known cost at all comes last: unknown is not zero.
-- NULL for :feature_id or :model_ids means all of them.
SELECT
    a.feature_id,
    m.provider || '/' || m.provider_model_id AS model,
    sum(a.total_requests)::bigint AS requests,
    sum(a.total_cost) AS cost_usd,
    -- The window comes before the limit: shares are of everything in the scope.
    sum(a.total_cost) / nullif(sum(sum(a.total_cost)) OVER (), 0) AS share,
    sum(a.unpriced_requests)::bigint AS unpriced_requests,
    bool_or(a.simulated) AS simulated
FROM ai_model_analytics AS a
INNER JOIN ai_models AS m ON a.model_id = m.id
WHERE
    a.organization_id = cast(:organization_id AS uuid)
    AND a.date BETWEEN cast(:since AS date) AND cast(:until AS date)
    AND (cast(:feature_id AS text) IS NULL OR a.feature_id = :feature_id)
    AND (cast(:model_ids AS uuid[]) IS NULL OR a.model_id = any(cast(:model_ids AS uuid[])))
GROUP BY a.feature_id, m.provider, m.provider_model_id
ORDER BY cost_usd DESC NULLS LAST, requests DESC, a.feature_id ASC, model ASC
LIMIT :most;
