-- Grain: one model that one organization can use beyond a day. Owner: recommender.
-- Reads: ai_model_availability, ai_models, ai_model_settings, usable_provider_keys.
SELECT
    a.organization_id::text AS organization_id,
    m.id::text AS model_id,
    m.provider,
    m.provider_model_id AS model
FROM ai_model_availability AS a
INNER JOIN ai_models AS m ON a.model_id = m.id
INNER JOIN usable_provider_keys AS k ON a.organization_id = k.organization_id AND m.provider = k.provider
LEFT JOIN ai_model_settings AS s ON a.organization_id = s.organization_id AND a.model_id = s.model_id
WHERE
    a.status IN ('active', 'available', 'deprecated')
    AND k.works
    AND coalesce(s.enabled, TRUE)
    AND (m.retires_on IS NULL OR m.retires_on > cast(:beyond AS date));
