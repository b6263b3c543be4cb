-- Grain: one model that some organization's key can use and whose capabilities are to be probed.
-- Owner: benchmarks. Reads: ai_models, ai_model_availability, ai_model_capabilities, model_events, keys, settings.
-- Due: a probed capability was never tested, was tested before the model last changed, under its id or in what is
-- known of it, or too long ago, or another version has answered our own suites since. The platform's own key goes
-- first.
WITH tested AS (
    SELECT
        m.id AS model_id,
        bool_or(
            c.tested_at IS NULL
            OR c.tested_at < m.updated_at
            OR c.tested_at < d.drifted_at
            OR c.tested_at < cast(:stale_before AS timestamptz)
            OR c.served_model <> v.served_model
        ) AS due
    FROM ai_models AS m
    CROSS JOIN unnest(cast(:probed AS text[])) AS p (capability)
    LEFT JOIN ai_model_capabilities AS c ON m.id = c.model_id AND p.capability = c.capability
    LEFT JOIN model_versions_seen AS v ON m.id = v.model_id
    LEFT JOIN vendor_model_drifts AS d ON m.id = d.model_id
    GROUP BY m.id
)

SELECT DISTINCT ON (m.provider, m.provider_model_id, m.id)
    m.id::text AS model_id,
    a.organization_id::text AS organization_id,
    m.provider || '/' || m.provider_model_id AS name
FROM tested AS t
INNER JOIN ai_models AS m ON t.model_id = m.id
INNER JOIN ai_model_availability AS a ON m.id = a.model_id
INNER JOIN usable_provider_keys AS k ON a.organization_id = k.organization_id AND m.provider = k.provider
LEFT JOIN ai_model_settings AS s ON a.organization_id = s.organization_id AND m.id = s.model_id
WHERE
    t.due
    AND a.status IN ('active', 'available', 'deprecated')
    AND k.allows_platform_probes
    AND k.works
    -- What a gateway serves under a vendor's name is no fact about the vendor's model.
    AND (k.speaks_for_vendor OR m.owner_organization_id IS NOT NULL)
    AND coalesce(s.enabled, TRUE)
ORDER BY
    m.provider ASC, m.provider_model_id ASC, m.id ASC, k.is_platform DESC, k.organization ASC,
    k.organization_id ASC;
