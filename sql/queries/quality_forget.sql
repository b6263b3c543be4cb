-- Grain: one result older than :before, unless its suite has none later. Owner: quality.
-- Writes: data_quality_results. Returns how many went.
WITH forgotten AS (
    DELETE FROM data_quality_results AS q
    USING (
        SELECT DISTINCT ON (r.suite)
            r.suite,
            r.run_key
        FROM data_quality_results AS r
        ORDER BY r.suite ASC, r.checked_at DESC, r.run_key DESC
    ) AS l
    WHERE
        q.checked_at < :before
        AND q.suite = l.suite
        AND q.run_key <> l.run_key
    RETURNING q.suite
)

SELECT count(*) AS results
FROM forgotten;
