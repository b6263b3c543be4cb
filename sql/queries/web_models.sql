-- Grain: one model of the catalog, as the visible organizations have it. Owner: web.
-- Reads: ai_models, ai_model_availability, ai_model_capabilities, ai_feature_settings, ai_model_settings,
-- ai_model_prices. Each is read once and joined; only its models are many, and those are hundreds.
-- Parameters: organization_ids (NULL: all, for administrators only), acting_organization_id (whose settings are
-- shown, or NULL), now, filters (NULL lets everything pass), sort, the key of the last row seen, max_rows.
-- A private model is visible to its owner only. Prices are the public list prices of the moment; they are compared
-- as four parts of input to one part of output, as the runtime client does.
WITH seen AS (
    SELECT
        a.model_id,
        count(*) FILTER (WHERE a.status IN ('active', 'available', 'deprecated')) AS organizations,
        bool_or(a.status = 'retired') AS retired,
        bool_or(a.status = 'deprecated') AS deprecated,
        bool_or(a.status = 'active') AS active,
        bool_or(a.status = 'available') AS available,
        bool_or(a.status = 'unavailable') AS unavailable,
        bool_or(a.simulated) AS simulated
    FROM ai_model_availability AS a
    WHERE
        (cast(:model_id AS uuid) IS NULL OR a.model_id = cast(:model_id AS uuid))
        AND (
            cast(:organization_ids AS uuid[]) IS NULL
            OR a.organization_id = any(cast(:organization_ids AS uuid[]))
        )
    GROUP BY a.model_id
),

probed AS (
    SELECT
        c.model_id,
        jsonb_object_agg(c.capability, c.result) AS capabilities,
        bool_or(c.simulated) AS simulated
    FROM ai_model_capabilities AS c
    GROUP BY c.model_id
),

used AS (
    SELECT
        s.current_model_id AS model_id,
        count(*) AS features
    FROM ai_feature_settings AS s
    WHERE
        s.current_model_id IS NOT NULL
        AND (
            cast(:organization_ids AS uuid[]) IS NULL
            OR s.organization_id = any(cast(:organization_ids AS uuid[]))
        )
    GROUP BY s.current_model_id
),

price AS (
    SELECT DISTINCT ON (p.provider, p.provider_model_id)
        p.provider,
        p.provider_model_id,
        p.input_usd_per_million_tokens,
        p.output_usd_per_million_tokens,
        p.operation_usd,
        p.source,
        p.estimated,
        0.8 * p.input_usd_per_million_tokens + 0.2 * p.output_usd_per_million_tokens AS mixed_usd
    FROM ai_model_prices AS p
    WHERE
        p.processing = 'standard'
        AND p.above_input_tokens = 0
        AND p.organization_id IS NULL
        AND p.superseded_at IS NULL
        AND p.valid_from <= cast(:now AS timestamptz)
    ORDER BY p.provider ASC, p.provider_model_id ASC, p.valid_from DESC
),

known AS (
    SELECT
        m.id,
        m.provider,
        m.provider_model_id,
        m.version,
        m.model_type,
        m.documented_capabilities,
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
        m.owner_organization_id,
        price.input_usd_per_million_tokens,
        price.output_usd_per_million_tokens,
        price.operation_usd,
        price.source AS price_source,
        price.estimated AS price_estimated,
        price.mixed_usd,
        coalesce(m.name, m.provider_model_id) AS name,
        coalesce(probed.capabilities, '{}') AS capabilities,
        coalesce(used.features, 0) AS used_by_features,
        coalesce(seen.organizations, 0) AS usable_by_organizations,
        CASE WHEN cast(:acting_organization_id AS uuid) IS NOT NULL THEN coalesce(chosen.enabled, TRUE) END
            AS enabled,
        CASE
            WHEN m.retires_on <= cast(cast(:now AS timestamptz) AS date) OR seen.retired THEN 'retired'
            WHEN m.retires_on IS NOT NULL OR m.deprecated_on <= cast(cast(:now AS timestamptz) AS date)
                THEN 'deprecated'
            WHEN seen.deprecated THEN 'deprecated'
            WHEN seen.active THEN 'active'
            WHEN seen.available THEN 'available'
            WHEN seen.unavailable THEN 'unavailable'
        END AS status,
        coalesce(seen.simulated, FALSE) OR coalesce(probed.simulated, FALSE) AS simulated
    FROM ai_models AS m
    LEFT JOIN seen ON m.id = seen.model_id
    LEFT JOIN probed ON m.id = probed.model_id
    LEFT JOIN used ON m.id = used.model_id
    LEFT JOIN price ON m.provider = price.provider AND m.provider_model_id = price.provider_model_id
    LEFT JOIN ai_model_settings AS chosen
        ON
            m.id = chosen.model_id
            AND chosen.organization_id = cast(:acting_organization_id AS uuid)
    WHERE
        m.provider IS NOT NULL
        AND m.provider_model_id IS NOT NULL
        AND (cast(:model_id AS uuid) IS NULL OR m.id = cast(:model_id AS uuid))
        AND (
            m.owner_organization_id IS NULL
            OR cast(:organization_ids AS uuid[]) IS NULL
            OR m.owner_organization_id = any(cast(:organization_ids AS uuid[]))
        )
),

matching AS (
    SELECT
        k.*,
        count(*) OVER () AS matches,
        coalesce(
            CASE :sort
                WHEN 'name' THEN 0
                WHEN 'status'
                    THEN
                        coalesce(
                            array_position(
                                cast('{active,available,deprecated,unavailable}' AS text[]), k.status
                            ),
                            CASE WHEN k.status IS NULL THEN 5 ELSE 6 END
                        )
                WHEN 'price' THEN cast(k.mixed_usd AS double precision)
                WHEN 'speed'
                    THEN
                        -- What an application keeps there itself may be anything.
                        cast(
                            jsonb_path_query_first(
                                k.performance_metrics, '$.duration_ms ? (@.type() == "number")'
                            ) AS double precision
                        )
                WHEN 'context' THEN -cast(k.context_window_tokens AS double precision)
                WHEN 'newest' THEN cast(date '2000-01-01' - k.released_on AS double precision)
                WHEN 'used' THEN -cast(k.used_by_features AS double precision)
                ELSE
                    -cast(
                        jsonb_path_query_first(
                            k.use_case_scores -> cast(:sort AS text), '$.score ? (@.type() == "number")'
                        ) AS double precision
                    )
            END,
            'Infinity'
        ) AS sort_value
    FROM known AS k
    WHERE
        (
            cast(:words AS text) IS NULL
            OR position(
                lower(cast(:words AS text)) IN lower(concat_ws(' ', k.name, k.provider, k.provider_model_id))
            ) > 0
        )
        AND (cast(:providers AS text[]) IS NULL OR k.provider = any(cast(:providers AS text[])))
        AND (
            cast(:capabilities AS text[]) IS NULL
            OR NOT EXISTS (
                SELECT 1
                FROM unnest(cast(:capabilities AS text[])) AS wanted (capability)
                WHERE
                    coalesce(k.capabilities ->> wanted.capability, 'documented') = 'contradicted'
                    OR NOT (
                        wanted.capability = any(k.documented_capabilities)
                        OR coalesce(k.capabilities ->> wanted.capability, '') = 'verified'
                    )
            )
        )
        AND (
            cast(:statuses AS text[]) IS NULL
            OR coalesce(k.status, 'not_listed') = any(cast(:statuses AS text[]))
        )
        AND (
            cast(:max_usd_per_million_tokens AS numeric) IS NULL
            OR k.mixed_usd <= cast(:max_usd_per_million_tokens AS numeric)
        )
        AND (
            cast(:retires_within_days AS integer) IS NULL
            OR (
                k.retires_on > cast(cast(:now AS timestamptz) AS date)
                AND k.retires_on
                <= cast(cast(:now AS timestamptz) AS date) + cast(:retires_within_days AS integer)
            )
        )
        AND (cast(:enabled AS boolean) IS NULL OR k.enabled = cast(:enabled AS boolean))
)

SELECT k.*
FROM matching AS k
WHERE
    cast(:after_provider AS text) IS NULL
    OR (k.sort_value, k.provider, k.provider_model_id, k.id)
    > (
        coalesce(cast(:after_sort_value AS double precision), 'Infinity'),
        cast(:after_provider AS text),
        cast(:after_provider_model_id AS text),
        cast(:after_id AS uuid)
    )
ORDER BY k.sort_value ASC, k.provider ASC, k.provider_model_id ASC, k.id ASC
LIMIT :max_rows;
