-- Grain: one day and model of one organization, over the days :since to :until, both included. Owner: analytics.
-- Reads: ai_model_analytics, ai_models. NULL for :feature_id or :model_ids means all of them.
SELECT
    a.date AS day,
    m.provider,
    m.provider_model_id AS model_id,
    sum(a.total_requests)::bigint AS requests,
    sum(a.total_cost) AS cost_usd,
    sum(a.unpriced_requests)::bigint AS unpriced_requests,
    sum(a.input_tokens)::bigint AS input_tokens,
    sum(a.output_tokens)::bigint AS output_tokens,
    sum(a.cache_read_tokens)::bigint AS cache_read_tokens,
    sum(a.cache_write_tokens)::bigint AS cache_write_tokens,
    sum(a.cache_write_1h_tokens)::bigint AS cache_write_1h_tokens,
    sum(a.reasoning_tokens)::bigint AS reasoning_tokens,
    sum(a.image_tokens)::bigint AS image_tokens,
    sum(a.image_count)::bigint AS image_count,
    sum(a.operations)::bigint AS operations,
    bool_or(a.simulated) AS simulated
FROM ai_model_analytics AS a
INNER JOIN ai_models AS m ON a.model_id = m.id
WHERE
    a.organization_id = cast(:organization_id AS uuid)
    AND a.date BETWEEN cast(:since AS date) AND cast(:until AS date)
    AND (cast(:feature_id AS text) IS NULL OR a.feature_id = :feature_id)
    AND (cast(:model_ids AS uuid[]) IS NULL OR a.model_id = any(cast(:model_ids AS uuid[])))
GROUP BY a.date, m.provider, m.provider_model_id
ORDER BY day, m.provider, m.provider_model_id;
