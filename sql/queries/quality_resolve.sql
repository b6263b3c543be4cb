-- Grain: one alert of a suite whose organization passes it again. Owner: quality. Writes: alerts.
-- audited: the organizations that were looked at, NULL where all were.
UPDATE alerts AS a
SET resolved_at = :now
WHERE
    a.kind = :kind
    AND a.resolved_at IS NULL
    AND a.natural_key LIKE concat(:kind, ':', cast(:suite AS text), ':%')
    AND NOT a.organization_id = any(cast(:blocked AS uuid[]))
    AND (cast(:audited AS uuid[]) IS NULL OR a.organization_id = any(cast(:audited AS uuid[])));
