-- Grain: one block of a run's budget. Owner: benchmarks. Reads and writes: spend_reservations; reads organizations.
-- Granted where it fits into the run's limit, into what all runs may spend that day and into what the organization
-- allows for a day. A block that nobody settled counts in full: its process died, and what it spent is not known.
WITH spent AS (
    SELECT
        coalesce(sum(coalesce(s.settled_usd, s.reserved_usd)) FILTER (WHERE s.run_id = :run_id), 0) AS of_run,
        coalesce(
            sum(coalesce(s.settled_usd, s.reserved_usd)) FILTER (WHERE s.created_at >= :day), 0
        ) AS of_day,
        coalesce(
            sum(coalesce(s.settled_usd, s.reserved_usd)) FILTER (
                WHERE s.created_at >= :day AND s.organization_id = cast(:organization_id AS uuid)
            ), 0
        ) AS of_organization
    FROM spend_reservations AS s
    WHERE s.run_id = :run_id OR s.created_at >= :day
),

limits AS (
    SELECT (
        SELECT o.benchmark_limit_usd_per_day
        FROM organizations AS o
        WHERE o.id = cast(:organization_id AS uuid)
    ) AS of_organization
)

INSERT INTO spend_reservations (run_id, organization_id, reserved_usd, created_at)
SELECT
    :run_id,
    cast(:organization_id AS uuid),
    cast(:amount AS numeric),
    :now
FROM spent AS s
CROSS JOIN limits AS l
WHERE
    s.of_run + cast(:amount AS numeric) <= cast(:spend_limit_usd AS numeric)
    AND (
        cast(:day_limit_usd AS numeric) IS NULL
        OR s.of_day + cast(:amount AS numeric) <= cast(:day_limit_usd AS numeric)
    )
    AND (
        l.of_organization IS NULL
        OR s.of_organization + cast(:amount AS numeric) <= l.of_organization
    )
RETURNING id::text AS id;
