-- Grain: one result of the run :run_key or, where that is NULL, of the latest run of each suite. Owner: quality.
-- Reads: data_quality_results, organizations. Failures first.
WITH latest AS (
    SELECT DISTINCT ON (q.suite)
        q.suite,
        q.run_key
    FROM data_quality_results AS q
    WHERE cast(:run_key AS text) IS NULL OR q.run_key = :run_key
    ORDER BY q.suite ASC, q.checked_at DESC, q.run_key DESC
)

SELECT
    q.run_key,
    q.suite,
    q.table_name,
    q.expectation,
    q.severity,
    coalesce(o.slug, o.id::text) AS organization,
    q.success,
    q.observed,
    q.checked_at
FROM latest AS l
INNER JOIN data_quality_results AS q ON l.suite = q.suite AND l.run_key = q.run_key
LEFT JOIN organizations AS o ON q.organization_id = o.id
ORDER BY q.success ASC, q.severity ASC, q.suite ASC, q.expectation ASC, o.slug ASC NULLS FIRST;
