-- Grain: one feature of one organization. Owner: recommender. Reads: ai_model_recommendations, ai_models.
-- Writes: ai_feature_settings.reference_model_id, the model that the margin is fixed to.
-- A recommended switch leaves it as it is, so that losses within the margin do not add up from switch to switch. It
-- moves to the model in use where that was chosen otherwise, or where the old one has retired and cannot be
-- tried beside anything any more.
UPDATE ai_feature_settings AS s
SET reference_model_id = s.current_model_id
WHERE
    s.current_model_id IS NOT NULL
    AND s.reference_model_id IS DISTINCT FROM s.current_model_id
    AND (
        s.reference_model_id IS NULL
        OR NOT EXISTS (
            SELECT 1
            FROM ai_model_recommendations AS r
            WHERE
                r.organization_id = s.organization_id
                AND r.feature_id = s.feature_id
                AND r.verdict = 'switch'
                AND r.recommended_model_id = s.current_model_id
        )
        OR EXISTS (
            SELECT 1
            FROM ai_models AS m
            WHERE m.id = s.reference_model_id AND m.retires_on <= cast(:today AS date)
        )
    );
