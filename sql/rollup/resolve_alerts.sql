-- Grain: one organization and day that was rebuilt. Owner: analytics. Reads: changed_days. Writes: alerts.
-- A day found in order ends its alarm; one that still differs is raised again right after.
UPDATE alerts AS a
SET resolved_at = :now
FROM changed_days AS d
WHERE
    a.kind = 'reconciliation'
    AND a.resolved_at IS NULL
    AND a.natural_key = concat_ws(':', 'reconciliation', d.organization_id, d.day);
