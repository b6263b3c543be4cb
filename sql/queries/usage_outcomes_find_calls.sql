-- Grain: one outcome that waits for its call, received before :received_before. Owner: analytics.
-- Reads: ai_usage_events. Writes: ai_usage_outcomes.call_found. Each outcome is found once.
UPDATE ai_usage_outcomes AS o
SET call_found = TRUE
WHERE
    NOT o.call_found
    AND o.received_at < :received_before
    AND EXISTS (
        SELECT 1
        FROM ai_usage_events AS e
        WHERE e.organization_id = o.organization_id AND e.request_id = o.request_id
    );
