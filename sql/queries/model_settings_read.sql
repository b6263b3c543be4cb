-- Grain: one model as one organization configured it. Owner: features.
-- Reads: ai_models, ai_model_settings, ai_feature_settings, audit_log. Another organization's own model is none.
SELECT
    m.id AS model_id,
    m.provider || '/' || m.provider_model_id AS model,
    s.organization_id IS NOT NULL AS configured,
    coalesce(s.enabled, TRUE) AS enabled,
    coalesce(s.parameters, '{}') AS parameters,
    coalesce(s.limits, '{}') AS limits,
    coalesce(s.cost_options, '{}') AS cost_options,
    coalesce((
        SELECT
            array_agg(
                coalesce(b.provider || '/' || b.provider_model_id, cast(n.id AS text)) ORDER BY n.position
            )
        FROM unnest(s.fallback_model_ids) WITH ORDINALITY AS n (id, position)
        LEFT JOIN ai_models AS b ON n.id = b.id
    ), '{}') AS fallbacks,
    coalesce((
        SELECT array_agg(f.feature_id ORDER BY f.feature_id)
        FROM ai_feature_settings AS f
        WHERE f.organization_id = cast(:organization_id AS uuid) AND f.current_model_id = m.id
    ), '{}') AS used_by_features,
    coalesce((
        SELECT max(a.id) IS NOT NULL
        FROM audit_log AS a
        WHERE
            a.organization_id = cast(:organization_id AS uuid)
            AND a.subject = cast(m.id AS text)
            AND a.action = 'set_model'
            AND NOT EXISTS (
                SELECT 1
                FROM audit_log AS u
                WHERE u.undoes = a.id
            )
    ), FALSE) AS can_undo,
    s.updated_at,
    s.updated_by
FROM ai_models AS m
LEFT JOIN ai_model_settings AS s
    ON m.id = s.model_id AND s.organization_id = cast(:organization_id AS uuid)
WHERE
    m.id = cast(:model_id AS uuid)
    AND m.provider IS NOT NULL
    AND m.provider_model_id IS NOT NULL
    AND (m.owner_organization_id IS NULL OR m.owner_organization_id = cast(:organization_id AS uuid));
