-- Grain: one model that at least one of the given organizations can use now. Owner: features.
-- Reads: ai_model_availability, ai_models, ai_model_settings, usable_provider_keys.
SELECT DISTINCT m.provider || '/' || m.provider_model_id AS model
FROM ai_model_availability AS a
INNER JOIN ai_models AS m ON a.model_id = m.id
INNER JOIN usable_provider_keys AS k ON a.organization_id = k.organization_id AND m.provider = k.provider
LEFT JOIN ai_model_settings AS s ON a.organization_id = s.organization_id AND a.model_id = s.model_id
WHERE
    a.organization_id = any(cast(:organization_ids AS uuid[]))
    AND a.status IN ('active', 'available', 'deprecated')
    AND k.works
    AND coalesce(s.enabled, TRUE)
    AND (m.retires_on IS NULL OR m.retires_on > cast(:today AS date))
ORDER BY model;
