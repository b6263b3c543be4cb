-- Grain: one model of the catalog, as the visible organizations have it. Owner: web.
-- Reads: model_catalog, ai_model_availability, ai_model_capabilities, ai_feature_settings, ai_model_prices.
-- Parameters: organization_ids (NULL: all, for administrators only), now, the key of the last row seen, max_rows.
-- A private model is visible to its owner only. Prices are the public list prices of the moment.
SELECT
    m.id,
    m.provider,
    m.provider_model_id,
    m.version,
    m.model_type,
    m.documented_capabilities,
    m.capabilities,
    m.context_window_tokens,
    m.max_output_tokens,
    m.released_on,
    m.deprecated_on,
    m.retires_on,
    m.successor_model_id,
    m.use_case_scores,
    m.performance_metrics,
    m.benchmark_results,
    m.in_catalog,
    price.input_usd_per_million_tokens,
    price.output_usd_per_million_tokens,
    price.operation_usd,
    price.source AS price_source,
    usage.features AS used_by_features,
    coalesce(m.name, m.provider_model_id) AS name,
    coalesce(seen.organizations, 0) AS usable_by_organizations,
    CASE
        WHEN m.retires_on <= cast(:now AS timestamptz)::date OR seen.retired THEN 'retired'
        WHEN m.retires_on IS NOT NULL OR m.deprecated_on <= cast(:now AS timestamptz)::date THEN 'deprecated'
        WHEN seen.deprecated THEN 'deprecated'
        WHEN seen.active THEN 'active'
        WHEN seen.available THEN 'available'
        WHEN seen.unavailable THEN 'unavailable'
    END AS status,
    coalesce(seen.simulated, FALSE) OR coalesce(probed.simulated, FALSE) AS simulated
FROM model_catalog AS m
LEFT JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE a.status IN ('active', 'available', 'deprecated')) AS organizations,
        bool_or(a.status = 'retired') AS retired,
        bool_or(a.status = 'deprecated') AS deprecated,
        bool_or(a.status = 'active') AS active,
        bool_or(a.status = 'available') AS available,
        bool_or(a.status = 'unavailable') AS unavailable,
        bool_or(a.simulated) AS simulated
    FROM ai_model_availability AS a
    WHERE
        a.model_id = m.id
        AND (
            cast(:organization_ids AS uuid[]) IS NULL
            OR a.organization_id = any(cast(:organization_ids AS uuid[]))
        )
) AS seen ON TRUE
LEFT JOIN LATERAL (
    SELECT bool_or(c.simulated) AS simulated
    FROM ai_model_capabilities AS c
    WHERE c.model_id = m.id
) AS probed ON TRUE
LEFT JOIN LATERAL (
    SELECT count(*) AS features
    FROM ai_feature_settings AS s
    WHERE
        s.current_model_id = m.id
        AND (
            cast(:organization_ids AS uuid[]) IS NULL
            OR s.organization_id = any(cast(:organization_ids AS uuid[]))
        )
) AS usage ON TRUE
LEFT JOIN LATERAL (
    SELECT
        p.input_usd_per_million_tokens,
        p.output_usd_per_million_tokens,
        p.operation_usd,
        p.source
    FROM ai_model_prices AS p
    WHERE
        p.provider = m.provider
        AND p.provider_model_id = m.provider_model_id
        AND p.processing = 'standard'
        AND p.above_input_tokens = 0
        AND p.organization_id IS NULL
        AND p.superseded_at IS NULL
        AND p.valid_from <= cast(:now AS timestamptz)
    ORDER BY p.valid_from DESC
    LIMIT 1
) AS price ON TRUE
WHERE
    m.provider IS NOT NULL
    AND m.provider_model_id IS NOT NULL
    AND (
        m.owner_organization_id IS NULL
        OR cast(:organization_ids AS uuid[]) IS NULL
        OR m.owner_organization_id = any(cast(:organization_ids AS uuid[]))
    )
    AND (
        cast(:after_provider AS text) IS NULL
        OR (m.provider, m.provider_model_id)
        > (cast(:after_provider AS text), cast(:after_provider_model_id AS text))
    )
ORDER BY m.provider ASC, m.provider_model_id ASC
LIMIT :max_rows;
