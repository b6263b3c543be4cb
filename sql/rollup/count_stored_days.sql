-- Grain: one row. Owner: analytics. Reads: changed_hours.
SELECT count(DISTINCT c.organization_id) AS days
FROM changed_hours AS c;
