-- Grain: the model that a name means, and why an organization could not use it. Owner: features.
-- Reads: ai_models, ai_model_availability, ai_model_settings, ai_model_capabilities, usable_provider_keys.
SELECT
    m.id::text AS model_id,
    m.provider || '/' || m.provider_model_id AS model,
    m.retires_on,
    a.status,
    coalesce(k.works, FALSE) AS has_key,
    coalesce(s.enabled, TRUE) AS enabled,
    coalesce((
        SELECT array_agg(c.capability)
        FROM ai_model_capabilities AS c
        WHERE c.model_id = m.id AND c.result = 'verified'
    ), '{}') AS verified,
    coalesce((
        SELECT array_agg(c.capability)
        FROM ai_model_capabilities AS c
        WHERE c.model_id = m.id AND c.result = 'contradicted'
    ), '{}') AS contradicted
FROM modelscout.model_named(:provider, :named, cast(:organization_id AS uuid)) AS n
INNER JOIN ai_models AS m ON n.model_id = m.id
LEFT JOIN ai_model_availability AS a
    ON m.id = a.model_id AND a.organization_id = cast(:organization_id AS uuid)
LEFT JOIN ai_model_settings AS s
    ON m.id = s.model_id AND s.organization_id = cast(:organization_id AS uuid)
LEFT JOIN usable_provider_keys AS k
    ON m.provider = k.provider AND k.organization_id = cast(:organization_id AS uuid);
