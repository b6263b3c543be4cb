-- Grain: one organization and day that was rolled up anew. Owner: analytics. Reads: changed_hours. Writes: alerts.
-- A day found in order ends its alarm; one that still differs is raised again right after.
UPDATE alerts AS a
SET resolved_at = :now
FROM (SELECT DISTINCT c.organization_id FROM changed_hours AS c) AS d
WHERE
    a.kind = 'reconciliation'
    AND a.resolved_at IS NULL
    AND a.natural_key = concat_ws(':', 'reconciliation', d.organization_id, cast(:day AS date));
