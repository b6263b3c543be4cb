-- Grain: one model that one organization can use now, with what was found about its capabilities. Owner: features.
-- Reads: ai_model_availability, ai_models, ai_model_settings, ai_model_capabilities, usable_provider_keys.
SELECT
    cast(m.id AS text) AS model_id,
    m.provider || '/' || m.provider_model_id AS model,
    coalesce(m.name, m.provider_model_id) AS name,
    m.retires_on,
    coalesce(c.verified, '{}') AS verified,
    coalesce(c.contradicted, '{}') AS contradicted
FROM ai_model_availability AS a
INNER JOIN ai_models AS m ON a.model_id = m.id
INNER JOIN usable_provider_keys AS k ON a.organization_id = k.organization_id AND m.provider = k.provider
LEFT JOIN ai_model_settings AS s ON a.organization_id = s.organization_id AND a.model_id = s.model_id
LEFT JOIN LATERAL (
    SELECT
        array_agg(x.capability ORDER BY x.capability) FILTER (WHERE x.result = 'verified') AS verified,
        array_agg(x.capability ORDER BY x.capability) FILTER (WHERE x.result = 'contradicted') AS contradicted
    FROM ai_model_capabilities AS x
    WHERE x.model_id = m.id
) AS c ON TRUE
WHERE
    a.organization_id = cast(:organization_id AS uuid)
    AND a.status IN ('active', 'available', 'deprecated')
    AND k.works
    AND coalesce(s.enabled, TRUE)
    AND (m.retires_on IS NULL OR m.retires_on > cast(:today AS date))
ORDER BY m.provider, m.provider_model_id;
