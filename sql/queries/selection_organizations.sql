-- Grain: one organization with a model that its keys can use: those given, all that the session may see where none
-- is given. Owner: selection. Reads: callable_providers(), ai_models, ai_model_availability, ai_model_settings,
-- ai_model_prices, selection_models. Lists are texts: equal ones are kept once.
SELECT
    p.organization_id::text AS organization_id,
    min(p.organization) AS organization,
    string_agg(m.id::text, ',' ORDER BY m.id) AS usable,
    (
        SELECT jsonb_object_agg(t.model_id, t.parameters)::text
        FROM ai_model_settings AS t
        WHERE t.organization_id = p.organization_id AND t.parameters <> '{}'
    ) AS model_parameters,
    (
        SELECT
            jsonb_object_agg(
                n.provider || '/' || n.provider_model_id,
                0.8 * n.input_usd_per_million_tokens + 0.2 * n.output_usd_per_million_tokens
            )::text
        FROM (
            SELECT DISTINCT ON (x.provider, x.provider_model_id) x.*
            FROM ai_model_prices AS x
            WHERE
                x.organization_id = p.organization_id
                AND x.processing = 'standard'
                AND x.above_input_tokens = 0
                AND x.superseded_at IS NULL
                AND x.valid_from <= now()
            ORDER BY x.provider ASC, x.provider_model_id ASC, x.valid_from DESC
        ) AS n
    ) AS negotiated,
    (
        SELECT jsonb_agg(to_jsonb(v) ORDER BY v.id)::text
        FROM selection_models AS v
        WHERE v.owner_organization_id = p.organization_id
    ) AS own_models
FROM modelscout.callable_providers() AS p
INNER JOIN ai_model_availability AS a
    ON p.organization_id = a.organization_id AND a.status IN ('active', 'available', 'deprecated')
INNER JOIN ai_models AS m ON a.model_id = m.id AND p.provider = m.provider
LEFT JOIN ai_model_settings AS s ON a.organization_id = s.organization_id AND a.model_id = s.model_id
WHERE
    coalesce(s.enabled, TRUE)
    AND (
        cast(:organizations AS uuid[]) IS NULL
        OR p.organization_id = any(cast(:organizations AS uuid[]))
    )
GROUP BY p.organization_id;
