-- Grain: one night of one feature, the latest first. Owner: web. Reads: ai_model_recommendations, ai_models.
-- Parameters: id (of any of the nights), organization_ids (NULL: all, for administrators only), the key of the last row seen,
-- max_rows.
SELECT
    h.id,
    h.decision_date,
    h.verdict,
    h.status,
    h.recommendation_score,
    h.saving_usd_per_month,
    h.decided_by,
    c.provider_model_id AS current_model,
    m.provider_model_id AS recommended_model
FROM ai_model_recommendations AS r
INNER JOIN ai_model_recommendations AS h
    ON r.organization_id = h.organization_id AND r.feature_id = h.feature_id
LEFT JOIN ai_models AS c ON h.current_model_id = c.id
LEFT JOIN ai_models AS m ON h.recommended_model_id = m.id
WHERE
    r.id = cast(:id AS uuid)
    AND (
        cast(:organization_ids AS uuid[]) IS NULL
        OR r.organization_id = any(cast(:organization_ids AS uuid[]))
    )
    AND (cast(:after_decision_date AS date) IS NULL OR h.decision_date < cast(:after_decision_date AS date))
ORDER BY h.decision_date DESC
LIMIT :max_rows;
