-- Grain: one staged event whose request is known at another time of the same day, give or take: exported twice with
-- another clock, or a second call that should have had an attempt of its own. Owner: usage.importing.
-- Reads: usage_staged_events, ai_usage_events. Writes: takes them out of usage_staged_events and returns them.
DELETE FROM usage_staged_events AS s
USING (
    SELECT
        f.ordinal,
        CASE
            WHEN k.is_stored THEN f.occurred_at
            ELSE coalesce(k.known_at, f.first_occurred_at)
        END AS known_at
    FROM (
        SELECT
            t.*,
            first_value(t.occurred_at) OVER (
                PARTITION BY t.organization_id, t.request_id, t.attempt ORDER BY t.ordinal
            ) AS first_occurred_at
        FROM usage_staged_events AS t
    ) AS f
    CROSS JOIN LATERAL (
        SELECT
            min(e.occurred_at) AS known_at,
            bool_or(e.occurred_at = f.occurred_at) AS is_stored
        FROM ai_usage_events AS e
        WHERE
            e.organization_id = f.organization_id
            AND e.request_id = f.request_id
            AND e.attempt = f.attempt
            AND e.occurred_at >= f.occurred_at - interval '1 day'
            AND e.occurred_at <= f.occurred_at + interval '1 day'
    ) AS k
) AS m
WHERE
    s.ordinal = m.ordinal
    AND m.known_at <> s.occurred_at
    AND m.known_at >= s.occurred_at - interval '1 day'
    AND m.known_at <= s.occurred_at + interval '1 day'
RETURNING s.ordinal, m.known_at
