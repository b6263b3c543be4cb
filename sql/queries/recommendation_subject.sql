-- Grain: one recommendation, what it is about. Owner: recommender. Reads: ai_model_recommendations.
SELECT
    r.organization_id::text AS organization_id,
    r.feature_id
FROM ai_model_recommendations AS r
WHERE r.id = cast(:id AS uuid);
