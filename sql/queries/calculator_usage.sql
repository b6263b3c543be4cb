-- Grain: one feature and model of one organization, over the days after :since up to :until. Owner: analytics.
-- Reads: ai_model_analytics, ai_models, ai_features.
SELECT
    a.feature_id,
    m.provider,
    m.provider_model_id AS model_id,
    coalesce(f.required_capabilities, '{}') AS required_capabilities,
    sum(a.total_requests)::bigint AS requests,
    sum(a.success_count)::bigint AS answers,
    sum(a.input_tokens)::bigint AS input_tokens,
    sum(a.output_tokens)::bigint AS output_tokens,
    sum(a.cache_read_tokens)::bigint AS cache_read_tokens,
    sum(a.cache_write_tokens)::bigint AS cache_write_tokens,
    sum(a.cache_write_1h_tokens)::bigint AS cache_write_1h_tokens,
    sum(a.reasoning_tokens)::bigint AS reasoning_tokens,
    sum(a.image_tokens)::bigint AS image_tokens,
    sum(a.image_count)::bigint AS image_count,
    sum(a.operations)::bigint AS operations,
    sum(a.total_cost) AS cost_usd,
    sum(a.unpriced_requests)::bigint AS unpriced_requests,
    min(a.date) AS first_day,
    max(a.date) AS last_day,
    bool_or(a.simulated) AS simulated
FROM ai_model_analytics AS a
INNER JOIN ai_models AS m ON a.model_id = m.id
LEFT JOIN ai_features AS f ON a.feature_id = f.id
WHERE
    a.organization_id = cast(:organization_id AS uuid)
    AND a.date > cast(:since AS date)
    AND a.date <= cast(:until AS date)
GROUP BY a.feature_id, m.provider, m.provider_model_id, f.required_capabilities
ORDER BY a.feature_id ASC, answers DESC, m.provider ASC, m.provider_model_id ASC;
