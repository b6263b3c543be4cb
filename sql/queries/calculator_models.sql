-- Grain: one model that an organization may see, or everybody where :organization_id is NULL; :models NULL
-- means all. Owner: analytics.
-- Reads: ai_models, ai_model_availability, ai_model_capabilities. A fine-tune is its owner's alone.
SELECT
    m.id::text AS id,
    m.provider,
    m.provider_model_id AS model_id,
    coalesce(m.name, m.provider_model_id) AS name,
    m.aliases,
    m.documented_capabilities,
    m.context_window_tokens,
    m.max_output_tokens,
    m.released_on,
    m.deprecated_on,
    m.retires_on,
    m.successor_model_id AS successor,
    m.performance_metrics,
    m.benchmark_results,
    a.status,
    coalesce(
        (
            SELECT
                jsonb_object_agg(
                    c.capability,
                    jsonb_build_object(
                        'result', c.result, 'tested_at', c.tested_at, 'simulated', c.simulated
                    )
                )
            FROM ai_model_capabilities AS c
            WHERE c.model_id = m.id
        ), '{}'
    ) AS tested
FROM ai_models AS m
LEFT JOIN ai_model_availability AS a
    ON m.id = a.model_id AND a.organization_id = cast(:organization_id AS uuid)
WHERE
    m.provider IS NOT NULL
    AND m.provider_model_id IS NOT NULL
    AND (
        m.owner_organization_id IS NULL
        OR m.owner_organization_id = cast(:organization_id AS uuid)
    )
    AND (
        cast(:models AS text[]) IS NULL
        OR m.provider || '/' || m.provider_model_id = any(cast(:models AS text[]))
    )
ORDER BY m.provider, m.provider_model_id;
