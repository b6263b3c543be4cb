-- Grain: one record in quarantine that was tried again. Owner: usage.quarantine. Writes: ai_usage_quarantine.
-- settled: JSON array of {id, reason, remedy}; without a reason it is taken in.
UPDATE ai_usage_quarantine AS q SET
    last_tried_at = :now,
    replayed_at = CASE WHEN s.reason IS NULL THEN cast(:now AS timestamptz) END,
    reason = coalesce(s.reason, q.reason),
    remedy = coalesce(s.remedy, q.remedy)
FROM jsonb_to_recordset(cast(:settled AS jsonb)) AS s (id uuid, reason text, remedy text)
WHERE q.id = s.id
