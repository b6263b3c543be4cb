-- Grain: one simulated item of an organization's own work. Idempotent on the natural key.
-- Owner: demo.seed. Reads: ai_models. Writes: ai_workload_samples.
INSERT INTO ai_workload_samples (
    organization_id, feature_id, item_key, prompt, image, image_media_type, json_schema, reference, grader,
    max_output_tokens, workload, baseline_model_id, baseline_score, baseline_usage, sampled_at, expires_at,
    simulated
)
SELECT
    cast(:organization_id AS uuid) AS organization_id,
    :feature_id,
    :item_key,
    :prompt,
    cast(:image AS bytea) AS image,
    :image_media_type,
    cast(:json_schema AS jsonb) AS json_schema,
    cast(:reference AS jsonb) AS reference,
    :grader,
    :max_output_tokens,
    cast(:workload AS jsonb) AS workload,
    m.id AS baseline_model_id,
    :baseline_score,
    cast(:baseline_usage AS jsonb) AS baseline_usage,
    :sampled_at,
    :expires_at,
    TRUE AS simulated
FROM ai_models AS m
WHERE m.provider = :provider AND m.provider_model_id = :model
ON CONFLICT DO NOTHING
