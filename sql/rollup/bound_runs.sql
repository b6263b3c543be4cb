-- Grain: one row. Owner: analytics. Reads: changed_runs. What lies outside need not be looked at.
SELECT
    min(r.from_at) AS runs_from_at,
    max(r.until_at) AS runs_until_at
FROM changed_runs AS r;
