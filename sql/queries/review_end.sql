-- Grain: one adopted recommendation whose feature was set to another model since. Owner: recommender.
-- Reads: ai_feature_settings. Writes: recommendation_adoptions. A person's choice ends the review and is respected:
-- the model is not applied to the feature automatically again.
UPDATE recommendation_adoptions AS a
SET ended_at = :now, ended_by = 'person'
WHERE
    a.ended_at IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM ai_feature_settings AS s
        WHERE
            s.organization_id = a.organization_id
            AND s.feature_id = a.feature_id
            AND s.current_model_id = a.model_id
    );
