-- Grain: one attempt of one simulated AI call of one organization. Idempotent on the natural key.
-- Owner: demo.seed. Reads: demo_events (staged). Writes: ai_usage_events.
-- features: JSON array of {feature_id, provider, model, workloads: [low, medium, high complexity]}.
INSERT INTO ai_usage_events (
    organization_id, feature_id, provider, requested_model, served_model, request_id, attempt, occurred_at,
    received_at, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
    image_tokens, image_count, operations, processing, duration_ms, time_to_first_token_ms, error_type,
    confidence, user_hash, item_key, workload, simulated
)
SELECT
    cast(:organization_id AS uuid) AS organization_id,
    e.feature_id,
    f.provider,
    f.model AS requested_model,
    CASE WHEN e.error_type IS NULL THEN f.model END AS served_model,
    e.request_id,
    e.attempt,
    to_timestamp(0) + e.occurred_ms * interval '1 millisecond' AS occurred_at,
    to_timestamp(0) + (e.occurred_ms + coalesce(e.duration_ms, 0) + 900) * interval '1 millisecond'
        AS received_at,
    e.input_tokens,
    e.output_tokens,
    e.cache_read_tokens,
    e.cache_write_tokens,
    e.reasoning_tokens,
    e.image_tokens,
    e.image_count,
    e.operations,
    CASE WHEN e.batch = 1 THEN 'batch' ELSE 'standard' END AS processing,
    e.duration_ms,
    e.time_to_first_token_ms,
    e.error_type,
    e.confidence_permyriad / 10000.0 AS confidence,
    e.user_hash,
    e.item_key,
    f.workloads -> e.complexity::integer AS workload,
    TRUE AS simulated
FROM demo_events AS e
INNER JOIN jsonb_to_recordset(cast(:features AS jsonb)) AS f (
    feature_id text, provider text, model text, workloads jsonb
) ON e.feature_id = f.feature_id
ON CONFLICT DO NOTHING
