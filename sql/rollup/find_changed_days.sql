-- Grain: one organization and day with something new. Owner: analytics. Reads: ai_usage_events,
-- ai_usage_outcomes, usage_rollup_state. Writes: the temporary table changed_days.
-- Found by what transactions added, not by clocks: late arrivals for old days are found too.
-- :first_day and :last_day, if given, ask for those days instead (backfill).
CREATE TEMPORARY TABLE changed_days ON COMMIT DROP AS
WITH since AS (
    SELECT coalesce((SELECT s.added_before FROM usage_rollup_state AS s), '0'::xid8) AS added_before
)

SELECT
    e.organization_id,
    (e.occurred_at AT TIME ZONE 'UTC')::date AS day
FROM ai_usage_events AS e
WHERE
    CASE
        WHEN cast(:first_day AS date) IS NULL THEN e.added_by >= (SELECT s.added_before FROM since AS s)
        ELSE
            e.occurred_at >= cast(:first_day AS date)::timestamp AT TIME ZONE 'UTC'
            AND e.occurred_at < (cast(:last_day AS date) + 1)::timestamp AT TIME ZONE 'UTC'
    END
GROUP BY 1, 2
UNION
SELECT
    e.organization_id,
    (e.occurred_at AT TIME ZONE 'UTC')::date AS day
FROM ai_usage_outcomes AS o
INNER JOIN ai_usage_events AS e ON o.organization_id = e.organization_id AND o.request_id = e.request_id
WHERE
    cast(:first_day AS date) IS NULL
    AND o.added_by >= (SELECT s.added_before FROM since AS s)
GROUP BY 1, 2;
