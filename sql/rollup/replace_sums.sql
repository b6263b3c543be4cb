-- Grain: see ai_usage_priced_sums. Owner: analytics. Reads: changed_hours, priced_sums. Writes: ai_usage_priced_sums.
WITH gone AS (
    DELETE FROM ai_usage_priced_sums AS a
    USING changed_hours AS c
    WHERE a.organization_id = c.organization_id AND a.hour = c.hour
)

INSERT INTO ai_usage_priced_sums (
    organization_id, hour, feature_id, model_id, provider, requested_model, served_model, processing, kinds,
    first_at, last_at, least_input_tokens, most_input_tokens, requests, input_tokens, output_tokens,
    cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, operations, image_count, cost_usd, estimated
)
SELECT
    s.organization_id,
    s.hour,
    s.feature_id,
    s.model_id,
    s.provider,
    s.requested_model,
    s.served_model,
    s.processing,
    s.kinds,
    s.first_at,
    s.last_at,
    s.least_input_tokens,
    s.most_input_tokens,
    s.requests,
    s.input_tokens,
    s.output_tokens,
    s.cache_read_tokens,
    s.cache_write_tokens,
    s.cache_write_1h_tokens,
    s.operations,
    s.image_count,
    s.cost_usd,
    s.estimated AND s.cost_usd IS NOT NULL
FROM priced_sums AS s
WHERE NOT s.is_free;
