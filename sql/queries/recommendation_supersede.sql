-- Grain: one older open recommendation of a feature that has a newer one. Owner: recommender.
UPDATE ai_model_recommendations AS r
SET status = 'superseded'
WHERE
    r.status = 'open'
    AND EXISTS (
        SELECT 1
        FROM ai_model_recommendations AS n
        WHERE
            n.organization_id = r.organization_id
            AND n.feature_id = r.feature_id
            AND n.decision_date > r.decision_date
    );
