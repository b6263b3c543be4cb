-- Grain: one feature that can be filtered by. Owner: web. Reads: ai_features. Parameters: max_rows.
SELECT
    f.id,
    coalesce(f.name, f.id) AS name
FROM ai_features AS f
ORDER BY f.id
LIMIT :max_rows;
