-- Grain: one day with something new of organizations in :slots. Owner: analytics.
-- Reads: ai_usage_events, ai_usage_outcomes. Found by what transactions added, not by clocks: late arrivals for old
-- days are found too.
SELECT DISTINCT (e.occurred_at AT TIME ZONE 'UTC')::date AS day
FROM ai_usage_events AS e
WHERE
    e.added_by >= cast(:since AS xid8)
    AND modelscout.rollup_slot(e.organization_id) = any(cast(:slots AS integer[]))
UNION
SELECT DISTINCT (e.occurred_at AT TIME ZONE 'UTC')::date AS day
FROM ai_usage_outcomes AS o
INNER JOIN ai_usage_events AS e ON o.organization_id = e.organization_id AND o.request_id = e.request_id
WHERE
    o.added_by >= cast(:since AS xid8)
    AND modelscout.rollup_slot(o.organization_id) = any(cast(:slots AS integer[]))
ORDER BY day;
