-- Grain: one day with something new of organizations in :slots. Owner: analytics.
-- Reads: ai_usage_events, ai_usage_outcomes. Found by what transactions added, not by clocks: late arrivals for old
-- days are found too. A day is asked whether it has anything new, not what: however much came in, one look by the index
-- answers.
SELECT d.day
FROM modelscout.usage_partition_days() AS d (day)
WHERE
    EXISTS (
        SELECT 1
        FROM ai_usage_events AS e
        WHERE
            e.occurred_at >= cast(d.day AS timestamp) AT TIME ZONE 'UTC'
            AND e.occurred_at < cast(d.day + 1 AS timestamp) AT TIME ZONE 'UTC'
            AND e.added_by >= cast(:since AS xid8)
            AND modelscout.rollup_slot(e.organization_id) = any(cast(:slots AS integer[]))
    )
UNION
SELECT w.day
FROM modelscout.usage_days_without_partition(cast(:since AS xid8), cast(:slots AS integer[])) AS w (day)
UNION
SELECT DISTINCT cast(e.occurred_at AT TIME ZONE 'UTC' AS date) AS day
FROM ai_usage_outcomes AS o
INNER JOIN ai_usage_events AS e ON o.organization_id = e.organization_id AND o.request_id = e.request_id
WHERE
    o.added_by >= cast(:since AS xid8)
    AND modelscout.rollup_slot(o.organization_id) = any(cast(:slots AS integer[]))
ORDER BY day;
