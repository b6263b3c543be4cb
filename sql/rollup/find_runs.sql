-- Grain: one organization and run of hours of the day that are rolled up anew, one after the other. Owner: analytics.
-- Reads: changed_hours. Writes: the temporary table changed_runs. Runs and not hours, so that the planner may either
-- read them by the index of (organization_id, occurred_at) or read the whole day once and look organizations up.
CREATE TEMPORARY TABLE changed_runs ON COMMIT DROP AS
SELECT
    n.organization_id,
    min(n.hour) AS from_at,
    max(n.hour) + interval '1 hour' AS until_at
FROM (
    SELECT
        c.organization_id,
        c.hour,
        c.hour
        - row_number() OVER (PARTITION BY c.organization_id ORDER BY c.hour) * interval '1 hour' AS run
    FROM changed_hours AS c
) AS n
GROUP BY n.organization_id, n.run;
