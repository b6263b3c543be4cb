-- Grain: one judgement of one simulated answer. Idempotent on the natural key.
-- Owner: demo.seed. Reads: demo_events (staged), ai_usage_events. Writes: ai_usage_outcomes.
-- Joined to what is stored: a call that an earlier seed stored as failed gets no outcome now.
INSERT INTO ai_usage_outcomes (organization_id, request_id, kind, score, recorded_at)
SELECT
    stored.organization_id,
    e.request_id,
    f.outcome_kind AS kind,
    e.outcome AS score,
    to_timestamp(0) + e.judged_ms * interval '1 millisecond' AS recorded_at
FROM demo_events AS e
INNER JOIN jsonb_to_recordset(cast(:features AS jsonb)) AS f (feature_id text, outcome_kind text)
    ON e.feature_id = f.feature_id
INNER JOIN ai_usage_events AS stored
    ON
        stored.organization_id = cast(:organization_id AS uuid)
        AND e.request_id = stored.request_id
        AND e.attempt = stored.attempt
        AND stored.occurred_at = to_timestamp(0) + e.occurred_ms * interval '1 millisecond'
WHERE e.outcome IS NOT NULL AND stored.error_type IS NULL
ON CONFLICT DO NOTHING
