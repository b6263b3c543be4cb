-- Grain: one event that came in after its day was closed. Owner: analytics. Reads: usage_closed_days.
-- Writes: ai_usage_events (deletes), ai_usage_quarantine. Whether it is new or a redelivery nobody can tell any more.
WITH late AS (
    DELETE FROM ai_usage_events AS e
    WHERE
        -- Known before any event is read.
        EXISTS (
            SELECT 1
            FROM usage_closed_days AS d
            WHERE d.day = cast(:day AS date)
        )
        AND e.occurred_at >= :from_at
        AND e.occurred_at < :until_at
        AND modelscout.rollup_slot(e.organization_id) = any(cast(:slots AS integer[]))
    RETURNING e.*
),

kept AS (
    INSERT INTO ai_usage_quarantine (organization_id, natural_key, reason, remedy, payload, quarantined_at)
    SELECT
        l.organization_id,
        concat_ws(
            '/', 'closed_day', l.organization_id, l.request_id, l.attempt, extract(EPOCH FROM l.occurred_at)
        ),
        'occurred_at='
        || l.occurred_at
        || ' lies in a day that is closed: its events are deleted, its rollup is final',
        'Where it is no redelivery, add it by hand to the totals that you bill from; send events before '
        || 'MODELSCOUT_USAGE_RETENTION_DAYS have passed',
        to_jsonb(l.*) - 'added_by',
        :now
    FROM late AS l
    ON CONFLICT DO NOTHING
)

SELECT count(*) AS events FROM late;
