-- Grain: one alert of a suite whose organization passes it again. Owner: quality. Writes: alerts.
-- audited: the organizations that were looked at, NULL where all were. first_day, last_day: the days that a backfill
-- looked at; an alert about days of a backfill ends only where they are among them, any other only without them.
UPDATE alerts AS a
SET resolved_at = :now
WHERE
    a.kind = :kind
    AND a.resolved_at IS NULL
    AND a.natural_key LIKE concat(:kind, ':', cast(:suite AS text), ':%')
    AND NOT a.organization_id = any(cast(:blocked AS uuid[]))
    AND (cast(:audited AS uuid[]) IS NULL OR a.organization_id = any(cast(:audited AS uuid[])))
    AND (
        (cast(:first_day AS date) IS NULL AND a.details ->> 'first_day' IS NULL)
        OR (
            (a.details ->> 'first_day')::date >= cast(:first_day AS date)
            AND (a.details ->> 'last_day')::date <= cast(:last_day AS date)
        )
    );
