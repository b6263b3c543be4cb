-- Grain: one feature of one organization, all features where none is named. Owner: features.
-- Reads: ai_features, ai_feature_settings, ai_models.
SELECT
    f.id AS feature_id,
    f.name,
    coalesce(s.objective, f.objective) AS objective,
    f.required_capabilities,
    f.use_case,
    coalesce(s.margin, f.default_margin) AS margin,
    s.organization_id IS NOT NULL AS configured,
    m.provider || '/' || m.provider_model_id AS model,
    coalesce((
        SELECT array_agg(coalesce(b.provider || '/' || b.provider_model_id, n.id::text) ORDER BY n.position)
        FROM unnest(s.fallback_model_ids) WITH ORDINALITY AS n (id, position)
        LEFT JOIN ai_models AS b ON n.id = b.id
    ), '{}') AS fallbacks,
    coalesce(s.parameters, '{}') AS parameters,
    coalesce(s.limits, '{}') AS limits,
    s.monthly_budget_usd,
    coalesce(s.auto_apply, FALSE) AS auto_apply,
    coalesce((
        SELECT
            jsonb_agg(
                jsonb_build_object(
                    'when', r.rule -> 'when', 'model', w.provider || '/' || w.provider_model_id
                )
                ORDER BY r.position
            )
        FROM jsonb_array_elements(s.workload_models) WITH ORDINALITY AS r (rule, position)
        INNER JOIN ai_models AS w ON (r.rule ->> 'model_id')::uuid = w.id
    ), '[]') AS workload_models,
    s.updated_at,
    s.updated_by
FROM ai_features AS f
LEFT JOIN ai_feature_settings AS s
    ON f.id = s.feature_id AND s.organization_id = cast(:organization_id AS uuid)
LEFT JOIN ai_models AS m ON s.current_model_id = m.id
WHERE cast(:feature_id AS text) IS NULL OR f.id = :feature_id
ORDER BY f.id;
