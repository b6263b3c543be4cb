-- Grain: one person's rating of one recommendation. Owner: recommender. Reads: recommendation_ratings.
SELECT
    r.rating,
    r.comment
FROM recommendation_ratings AS r
WHERE r.recommendation_id = cast(:recommendation_id AS uuid) AND r.user_name = :user_name;
