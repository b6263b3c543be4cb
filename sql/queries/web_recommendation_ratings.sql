-- Grain: one person's rating of one recommendation, the latest first. Owner: web. Reads: recommendation_ratings.
-- Parameters: id, organization_ids (NULL: all, for administrators only), user_name (whose own comes first), max_rows.
SELECT
    g.user_name,
    g.rating,
    g.comment,
    g.rated_at,
    g.user_name = :user_name AS is_own
FROM recommendation_ratings AS g
WHERE
    g.recommendation_id = cast(:id AS uuid)
    AND (
        cast(:organization_ids AS uuid[]) IS NULL
        OR g.organization_id = any(cast(:organization_ids AS uuid[]))
    )
ORDER BY g.user_name = :user_name DESC, g.rated_at DESC, g.user_name ASC
LIMIT :max_rows;
