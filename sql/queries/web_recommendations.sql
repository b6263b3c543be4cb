-- Grain: one feature of one organization, its current recommendation. Owner: web.
-- Reads: current_model_recommendations, organizations, ai_features.
-- Parameters: organization_ids (NULL: all, for administrators only), the key of the last row seen, max_rows.
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
    r.simulated,
    r.current_provider,
    r.current_model,
    r.recommended_provider,
    r.recommended_model,
    coalesce(o.slug, cast(o.id AS text)) AS organization,
    coalesce(o.name, o.slug, cast(o.id AS text)) AS organization_name,
    coalesce(f.name, r.feature_id) AS feature
FROM current_model_recommendations AS r
INNER JOIN organizations AS o ON r.organization_id = o.id
LEFT JOIN ai_features AS f ON r.feature_id = f.id
WHERE
    (
        cast(:organization_ids AS uuid[]) IS NULL
        OR r.organization_id = any(cast(:organization_ids AS uuid[]))
    )
    AND (
        cast(:after_organization AS text) IS NULL
        OR (coalesce(o.slug, cast(o.id AS text)), r.feature_id)
        > (cast(:after_organization AS text), cast(:after_feature_id AS text))
    )
ORDER BY coalesce(o.slug, cast(o.id AS text)) ASC, r.feature_id ASC
LIMIT :max_rows;
