-- Grain: one outcome of a call from :from_at to before :until_at that a rollup has counted, before the events of the
-- day go. Owner: analytics. Reads: ai_usage_events, usage_rollup_state. Writes: ai_usage_outcomes.call_found.
-- One that came in after the day's last rollup is not in its sums: it goes on waiting, in vain.
UPDATE ai_usage_outcomes AS o
SET call_found = TRUE
FROM usage_rollup_state AS s
WHERE
    NOT o.call_found
    AND s.slot = modelscout.rollup_slot(o.organization_id)
    AND o.added_by < s.added_before
    AND EXISTS (
        SELECT 1
        FROM ai_usage_events AS e
        WHERE
            e.organization_id = o.organization_id
            AND e.request_id = o.request_id
            AND e.occurred_at >= :from_at
            AND e.occurred_at < :until_at
    );
