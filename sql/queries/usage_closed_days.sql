-- Grain: one day whose events are deleted and whose rollup is final. Owner: usage.rows. Reads: usage_closed_days.
SELECT d.day
FROM usage_closed_days AS d
WHERE d.day >= cast(:first_day AS date) AND d.day <= cast(:last_day AS date)
