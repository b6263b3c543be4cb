-- Grain: one record that cannot be taken in, of the organization that the transaction is scoped to, or of nobody's.
-- Idempotent on the natural key. Owner: usage.store. Reads: usage_staged_quarantine. Writes: ai_usage_quarantine.
INSERT INTO ai_usage_quarantine (
    organization_id, natural_key, reason, remedy, payload, format, source, position
)
SELECT
    s.organization_id,
    s.natural_key,
    s.reason,
    s.remedy,
    s.payload,
    s.format,
    s.source,
    s.position
FROM usage_staged_quarantine AS s
WHERE s.organization_id IS NOT DISTINCT FROM (SELECT modelscout.transaction_organization())
ORDER BY s.natural_key
ON CONFLICT DO NOTHING
