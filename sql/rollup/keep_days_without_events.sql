-- Owner: analytics. Reads: usage_sums. Writes: changed_hours. An organization without a single event on the day keeps
-- its rollup: its events were deleted.
DELETE FROM changed_hours AS c
WHERE
    NOT EXISTS (
        SELECT 1
        FROM usage_sums AS s
        WHERE s.organization_id = c.organization_id
    );
