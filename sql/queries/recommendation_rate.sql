-- Grain: one person's rating of one recommendation; a second one replaces the first. Owner: recommender.
-- Writes: recommendation_ratings.
INSERT INTO recommendation_ratings (recommendation_id, organization_id, user_name, rating, comment, rated_at)
VALUES (
    cast(:recommendation_id AS uuid), cast(:organization_id AS uuid), :user_name, :rating,
    cast(:comment AS text), :now
)
ON CONFLICT (recommendation_id, user_name) DO UPDATE SET
    rating = excluded.rating,
    comment = excluded.comment,
    rated_at = excluded.rated_at;
