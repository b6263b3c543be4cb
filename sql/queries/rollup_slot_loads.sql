-- Grain: one slot of organizations. Owner: analytics. Reads: organizations, ai_model_analytics, ai_usage_events.
-- requests: those of the last seven days that were rolled up; where nothing was, a hundredth of the events.
WITH recent AS (
    SELECT
        a.organization_id,
        sum(a.total_requests) AS requests
    FROM ai_model_analytics AS a
    WHERE a.date > (SELECT max(l.date) - 7 FROM ai_model_analytics AS l)
    GROUP BY a.organization_id
    UNION ALL
    SELECT
        e.organization_id,
        count(*) AS requests
    FROM ai_usage_events AS e TABLESAMPLE SYSTEM (1) REPEATABLE (1)
    WHERE NOT EXISTS (SELECT 1 FROM ai_model_analytics)
    GROUP BY e.organization_id
)

SELECT
    s.slot,
    count(o.id) AS organizations,
    coalesce(sum(r.requests), 0)::bigint AS requests
FROM generate_series(0, 63) AS s (slot)
LEFT JOIN organizations AS o ON s.slot = modelscout.rollup_slot(o.id)
LEFT JOIN recent AS r ON o.id = r.organization_id
GROUP BY s.slot
ORDER BY s.slot;
