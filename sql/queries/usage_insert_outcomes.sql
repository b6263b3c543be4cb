-- Grain: one judgement of one answer of the organization that the transaction is scoped to. Idempotent: the first
-- judgement of a kind stays. Owner: usage.store. Reads: usage_staged_outcomes. Writes: ai_usage_outcomes.
INSERT INTO ai_usage_outcomes (organization_id, request_id, kind, score, recorded_at)
SELECT
    s.organization_id,
    s.request_id,
    s.kind,
    s.score,
    s.recorded_at
FROM usage_staged_outcomes AS s
WHERE s.organization_id = (SELECT modelscout.transaction_organization())
ORDER BY s.request_id, s.kind
ON CONFLICT DO NOTHING
