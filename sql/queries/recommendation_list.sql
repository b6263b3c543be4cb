-- Grain: one feature of one organization, its current recommendation. Owner: recommender.
-- Reads: current_model_recommendations, organizations.
SELECT
    r.*,
    o.slug AS organization
FROM current_model_recommendations AS r
INNER JOIN organizations AS o ON r.organization_id = o.id
WHERE cast(:organization AS text) IS NULL OR o.slug = :organization
ORDER BY o.slug, r.feature_id;
