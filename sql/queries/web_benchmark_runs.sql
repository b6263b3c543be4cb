-- Grain: one benchmark run by hand or of the night that the caller sees, the newest first. Owner: web.
-- Reads: ai_benchmark_runs, spend_reservations, ai_benchmark_results, audit_log, which row-level security limits to what
-- the caller sees. Parameters: organization_ids (NULL: all, for administrators only), run_id (NULL: all), the key of
-- the last row seen, max_rows. Runs of the night are about everybody: in a list, where what each sees of one that has
-- ended is not counted anew, their calls are NULL for those who do not see all. A block that nobody settled counts in full.
WITH runs AS MATERIALIZED (
    SELECT
        r.id,
        r.kind,
        r.status,
        r.organization_ids,
        r.asked,
        r.run_key,
        r.started_at,
        r.finished_at,
        r.decided_by,
        r.spend_limit_usd,
        r.planned,
        r.done,
        r.failed,
        r.organization_ids IS NOT NULL OR (SELECT modelscout.page_sees_all()) AS is_whole
    FROM ai_benchmark_runs AS r
    WHERE
        r.kind IN ('nightly', 'manual')
        AND (cast(:run_id AS uuid) IS NULL OR r.id = cast(:run_id AS uuid))
        AND (
            cast(:organization_ids AS uuid[]) IS NULL
            OR r.organization_ids IS NULL
            OR r.organization_ids && cast(:organization_ids AS uuid[])
        )
        AND (
            cast(:after_started_at AS timestamptz) IS NULL
            OR r.started_at < cast(:after_started_at AS timestamptz)
            OR (r.started_at = cast(:after_started_at AS timestamptz) AND r.id > cast(:after_id AS uuid))
        )
    ORDER BY r.started_at DESC, r.id ASC
    LIMIT :max_rows
)

SELECT
    r.id,
    r.kind,
    r.status,
    r.organization_ids,
    r.asked,
    r.run_key,
    r.started_at,
    r.finished_at,
    r.decided_by,
    r.spend_limit_usd,
    coalesce(s.spent_usd, 0) AS spent_usd,
    CASE WHEN r.is_whole THEN r.planned END AS planned,
    CASE
        WHEN r.done IS NULL OR cast(:run_id AS uuid) IS NOT NULL THEN d.done
        WHEN r.is_whole THEN r.done
    END AS done,
    CASE
        WHEN r.done IS NULL OR cast(:run_id AS uuid) IS NOT NULL THEN d.failed
        WHEN r.is_whole THEN r.failed
    END AS failed,
    l.actor AS started_by
FROM runs AS r
LEFT JOIN LATERAL (
    SELECT sum(coalesce(b.settled_usd, b.reserved_usd)) AS spent_usd
    FROM spend_reservations AS b
    WHERE b.run_id = r.id
) AS s ON TRUE
LEFT JOIN LATERAL (
    SELECT
        count(*) AS done,
        count(b.error_type) FILTER (WHERE b.error_type <> 'ungraded') AS failed
    FROM ai_benchmark_results AS b
    WHERE b.run_id = r.id AND (r.done IS NULL OR cast(:run_id AS uuid) IS NOT NULL)
) AS d ON TRUE
LEFT JOIN LATERAL (
    SELECT a.actor
    FROM audit_log AS a
    WHERE a.subject = cast(r.id AS text) AND a.action = 'start_benchmark'
    ORDER BY a.id ASC
    LIMIT 1
) AS l ON TRUE
ORDER BY r.started_at DESC, r.id ASC;
