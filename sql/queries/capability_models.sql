-- Grain: one model to probe with one organization's key. Owner: benchmarks.
-- Reads: ai_models, ai_model_capabilities, keys. Parameters: model_ids and organization_ids, pairwise.
SELECT
    m.id::text AS model_id,
    m.provider,
    m.provider_model_id,
    m.model_type,
    m.owner_organization_id IS NOT NULL AS is_private,
    m.documented_capabilities,
    m.max_output_tokens,
    k.organization_id::text AS organization_id,
    k.secret_reference,
    k.simulated,
    coalesce(
        (
            SELECT array_agg(c.capability)
            FROM ai_model_capabilities AS c
            WHERE
                c.model_id = m.id
                AND c.tested_at >= m.updated_at
                AND c.tested_at >= coalesce(d.drifted_at, '-infinity')
                AND c.tested_at >= cast(:stale_before AS timestamptz)
                AND (v.served_model IS NULL OR c.served_model IS NULL OR c.served_model = v.served_model)
        ), '{}'
    ) AS fresh
FROM unnest(cast(:model_ids AS uuid[]), cast(:organization_ids AS uuid[])) AS t (model_id, organization_id)
INNER JOIN ai_models AS m ON t.model_id = m.id
LEFT JOIN model_versions_seen AS v ON m.id = v.model_id
LEFT JOIN vendor_model_drifts AS d ON m.id = d.model_id
INNER JOIN usable_provider_keys AS k ON t.organization_id = k.organization_id AND m.provider = k.provider
ORDER BY m.provider, m.provider_model_id;
