-- Grain: one model that one organization may compare. Owner: web. Reads: ai_models. A fine-tune is its owner's alone.
SELECT
    m.id,
    m.provider || '/' || m.provider_model_id AS model,
    coalesce(m.name, m.provider_model_id) AS name
FROM ai_models AS m
WHERE
    m.provider IS NOT NULL
    AND m.provider_model_id IS NOT NULL
    AND (
        m.owner_organization_id IS NULL
        OR m.owner_organization_id = cast(:organization_id AS uuid)
    )
ORDER BY model;
