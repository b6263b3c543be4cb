-- Grain: one model, by its id. Owner: features. Reads: ai_models.
SELECT
    cast(m.id AS text) AS model_id,
    m.provider || '/' || m.provider_model_id AS model
FROM ai_models AS m
WHERE m.id = any(cast(:model_ids AS uuid[]));
