-- Grain: one due stream: which organization it belongs to, counted from 0, in the order of the streams' numbers.
-- Owner: drift. Reads: drift_due.
SELECT coalesce(array_agg(g.organization ORDER BY g.number), '{}') AS organizations
FROM (
    SELECT
        d.number,
        (dense_rank() OVER (ORDER BY d.organization_id) - 1)::integer AS organization
    FROM drift_due AS d
) AS g;
