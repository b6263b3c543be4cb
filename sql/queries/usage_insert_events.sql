-- Grain: one attempt of one AI call of the organization that the transaction is scoped to. Idempotent on the
-- natural key. Owner: usage.store. Reads: usage_staged_events. Writes: ai_usage_events.
-- In the order of the key, so that two writers of the same events never wait for each other in a circle.
INSERT INTO ai_usage_events (
    organization_id, feature_id, provider, requested_model, served_model, request_id, attempt, occurred_at,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens,
    reasoning_tokens, image_tokens, image_count, operations, processing, duration_ms, time_to_first_token_ms,
    error_type, confidence, user_hash, item_key, workload, experiment_id, propensity, simulated
)
SELECT
    s.organization_id,
    s.feature_id,
    s.provider,
    s.requested_model,
    s.served_model,
    s.request_id,
    s.attempt,
    s.occurred_at,
    s.input_tokens,
    s.output_tokens,
    s.cache_read_tokens,
    s.cache_write_tokens,
    s.cache_write_1h_tokens,
    s.reasoning_tokens,
    s.image_tokens,
    s.image_count,
    s.operations,
    s.processing,
    s.duration_ms,
    s.time_to_first_token_ms,
    s.error_type,
    s.confidence,
    s.user_hash,
    s.item_key,
    s.workload,
    s.experiment_id,
    s.propensity,
    s.simulated
FROM usage_staged_events AS s
WHERE s.organization_id = (SELECT modelscout.transaction_organization())
ORDER BY s.request_id, s.attempt, s.occurred_at
ON CONFLICT DO NOTHING
