-- Grain: one recommendation, also an older one, so that links to it last. Owner: web.
-- Reads: ai_model_recommendations, organizations, ai_features, ai_feature_settings, ai_models.
-- Parameters: ids, organization_ids (NULL: all, for administrators only).
SELECT
    r.id,
    r.organization_id,
    r.feature_id,
    r.recommended_model_id,
    r.current_model_id,
    r.recommendation_score,
    r.reasons,
    r.created_at,
    r.decision_date,
    r.verdict,
    r.tradeoffs,
    r.cost_estimate,
    r.performance_estimate,
    r.evidence,
    r.valid_until,
    r.status,
    r.decided_by,
    r.decided_at,
    r.decision_reason,
    r.snoozed_until,
    r.is_latest,
    r.simulated,
    s.current_model_id AS model_in_use_id,
    c.provider AS current_provider,
    c.provider_model_id AS current_model,
    m.provider AS recommended_provider,
    m.provider_model_id AS recommended_model,
    u.provider AS provider_in_use,
    u.provider_model_id AS model_in_use,
    coalesce(o.slug, cast(o.id AS text)) AS organization,
    coalesce(o.name, o.slug, cast(o.id AS text)) AS organization_name,
    coalesce(f.name, r.feature_id) AS feature,
    coalesce(s.auto_apply, FALSE) AS auto_apply
FROM ai_model_recommendations AS r
INNER JOIN organizations AS o ON r.organization_id = o.id
LEFT JOIN ai_features AS f ON r.feature_id = f.id
LEFT JOIN ai_feature_settings AS s ON r.organization_id = s.organization_id AND r.feature_id = s.feature_id
LEFT JOIN ai_models AS c ON r.current_model_id = c.id
LEFT JOIN ai_models AS m ON r.recommended_model_id = m.id
LEFT JOIN ai_models AS u ON s.current_model_id = u.id
WHERE
    r.id = any(cast(:ids AS uuid[]))
    AND (
        cast(:organization_ids AS uuid[]) IS NULL
        OR r.organization_id = any(cast(:organization_ids AS uuid[]))
    );
