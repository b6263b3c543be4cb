-- Grain: one organization of a benchmark run that a person started and no worker has begun. Owner: web.
-- Reads: audit_log. A run about all organizations has one row, without an organization.
SELECT
    a.subject AS run_id,
    cast(a.organization_id AS text) AS organization_id,
    a.actor,
    a.occurred_at,
    a.after
FROM audit_log AS a
WHERE a.subject = cast(:run_id AS text) AND a.action = 'start_benchmark'
ORDER BY a.id;
