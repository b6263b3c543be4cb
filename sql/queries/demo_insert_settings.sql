-- Grain: one feature of one organization. Idempotent: what a person changed stays.
-- Owner: demo.seed. Reads: ai_models. Writes: ai_feature_settings.
INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id, margin, updated_by)
SELECT
    cast(:organization_id AS uuid) AS organization_id,
    :feature_id,
    m.id AS current_model_id,
    :margin,
    'demo' AS updated_by
FROM ai_models AS m
WHERE m.provider = :provider AND m.provider_model_id = :model
ON CONFLICT DO NOTHING
