-- Grain: one row. Owner: analytics. Reads: ai_usage_events, ai_model_analytics.
-- whole_day: what is new since :since is at least a quarter of what is rolled up of the day already. Then all of its
-- hours are made anew without finding out which ones changed: one reading less, and at most five times the work.
WITH stored AS (
    SELECT coalesce(sum(a.total_requests), 0)::bigint AS requests
    FROM ai_model_analytics AS a
    INNER JOIN organizations AS o ON a.organization_id = o.id
    WHERE a.date = cast(:day AS date) AND modelscout.rollup_slot(o.id) = any(cast(:slots AS integer[]))
),

new AS (
    SELECT count(*) AS requests
    FROM (
        SELECT 1
        FROM ai_usage_events AS e
        WHERE
            e.added_by >= cast(cast(:since AS text) AS xid8)
            AND e.occurred_at >= :from_at
            AND e.occurred_at < :until_at
            AND modelscout.rollup_slot(e.organization_id) = any(cast(:slots AS integer[]))
        -- No further than the answer asks for.
        LIMIT (SELECT s.requests / 4 + 1 FROM stored AS s) -- noqa: AM09
    ) AS n
)

SELECT n.requests > s.requests / 4 AS whole_day
FROM new AS n
CROSS JOIN stored AS s;
