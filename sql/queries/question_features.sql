-- Grain: one feature, with one organization's settings of it where it has any. Owner: recommender.
-- Reads: ai_features, ai_feature_settings, ai_models.
SELECT
    f.id AS feature_id,
    f.use_case,
    f.required_capabilities,
    coalesce(s.margin, f.default_margin) AS margin,
    m.provider || '/' || m.provider_model_id AS current_model,
    s.organization_id IS NOT NULL AS is_set
FROM ai_features AS f
LEFT JOIN ai_feature_settings AS s
    ON f.id = s.feature_id AND s.organization_id = cast(:organization_id AS uuid)
LEFT JOIN ai_models AS m ON s.current_model_id = m.id
ORDER BY f.id;
