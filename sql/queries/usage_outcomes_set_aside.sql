-- Grain: one outcome received before :received_before whose call is not there, as soon as any day is closed.
-- Owner: analytics. Reads: usage_closed_days. Writes: ai_usage_outcomes (deletes), ai_usage_quarantine. Returns how
-- many. After usage_outcomes_find_calls, in its transaction. One that was replayed in vain is put aside again.
WITH late AS (
    DELETE FROM ai_usage_outcomes AS o
    WHERE
        NOT o.call_found
        AND o.received_at < :received_before
        AND EXISTS (SELECT 1 FROM usage_closed_days)
    RETURNING o.organization_id, o.request_id, o.kind, o.score, o.recorded_at
),

kept AS (
    INSERT INTO ai_usage_quarantine AS q (
        organization_id, natural_key, format, reason, remedy, payload, quarantined_at
    )
    SELECT
        l.organization_id,
        concat_ws('/', 'outcome_without_call', l.organization_id, l.request_id, l.kind),
        'outcome',
        'request_id='
        || l.request_id
        || ' names no call that is there: the events of closed days are deleted, their rollup is final',
        'Send outcomes before MODELSCOUT_USAGE_RETENTION_DAYS have passed. Where the call was not sent yet, '
        || 'send it, then modelscout usage replay-quarantine',
        to_jsonb(l.*),
        :now
    FROM late AS l
    ON CONFLICT (organization_id, natural_key) DO UPDATE SET
        payload = excluded.payload, quarantined_at = excluded.quarantined_at, replayed_at = NULL
)

SELECT count(*) AS outcomes FROM late;
