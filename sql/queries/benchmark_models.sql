-- Grain: one model of one organization, with all that decides whether and how it is benchmarked.
-- Owner: benchmarks. Reads: availability, ai_models, settings, ai_model_capabilities, keys, organizations.
-- Filters that are NULL let everything pass; organizations by id or slug, models by id or provider/model.
SELECT
    k.organization_id::text AS organization_id,
    k.organization,
    k.simulated,
    k.is_platform,
    k.secret_reference,
    k.works AS key_works,
    k.allows_platform_probes
    AND (k.speaks_for_vendor OR m.owner_organization_id IS NOT NULL) AS allows_platform_probes,
    m.id::text AS model_id,
    m.provider,
    m.provider_model_id,
    m.documented_capabilities,
    m.retires_on,
    m.successor_model_id,
    m.max_output_tokens,
    m.use_case_scores -> 'high_accuracy' ->> 'score' AS high_accuracy,
    a.status,
    o.allows_batch_benchmarks,
    coalesce(s.enabled, TRUE) AS enabled,
    coalesce(
        (
            SELECT array_agg(c.capability)
            FROM ai_model_capabilities AS c
            WHERE c.model_id = m.id AND c.result = 'verified'
        ), '{}'
    ) AS verified
FROM ai_model_availability AS a
INNER JOIN ai_models AS m ON a.model_id = m.id
INNER JOIN usable_provider_keys AS k ON a.organization_id = k.organization_id AND m.provider = k.provider
INNER JOIN organizations AS o ON k.organization_id = o.id
LEFT JOIN ai_model_settings AS s ON a.organization_id = s.organization_id AND m.id = s.model_id
WHERE
    cast(:organizations AS text[]) IS NULL
    OR k.organization = any(cast(:organizations AS text[]))
    OR k.organization_id::text = any(cast(:organizations AS text[]))
ORDER BY k.organization, k.organization_id, m.provider, m.provider_model_id;
