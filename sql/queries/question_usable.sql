-- Grain: one model that a key of one organization listed, and why it cannot be used. Owner: recommender.
-- Reads: ai_model_availability, ai_models, ai_model_settings, usable_provider_keys. `unusable` is NULL where it can.
SELECT
    m.id::text AS model_id,
    CASE
        WHEN k.provider IS NULL THEN 'the provider is not enabled for the organization'
        WHEN NOT k.works THEN 'the key does not work (' || k.health || ')'
        WHEN a.status NOT IN ('active', 'available', 'deprecated') THEN 'the key lists it as ' || a.status
        WHEN NOT coalesce(s.enabled, TRUE) THEN 'the organization has switched it off'
    END AS unusable
FROM ai_model_availability AS a
INNER JOIN ai_models AS m ON a.model_id = m.id
LEFT JOIN usable_provider_keys AS k ON a.organization_id = k.organization_id AND m.provider = k.provider
LEFT JOIN ai_model_settings AS s ON a.organization_id = s.organization_id AND a.model_id = s.model_id
WHERE a.organization_id = cast(:organization_id AS uuid);
