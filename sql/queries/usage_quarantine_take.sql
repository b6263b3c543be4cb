-- Grain: one record in quarantine that is to be tried again, locked. Owner: usage.quarantine.
-- Reads: ai_usage_quarantine. Another replay at the same time takes others. :after is the last id that was tried.
SELECT
    q.id::text AS id,
    q.organization_id::text AS organization_id,
    q.natural_key,
    q.format,
    q.source,
    q.position,
    q.payload
FROM ai_usage_quarantine AS q
WHERE
    q.replayed_at IS NULL
    AND q.id > cast(:after AS uuid)
    AND (cast(:organization_id AS uuid) IS NULL OR q.organization_id = cast(:organization_id AS uuid))
    AND (cast(:source AS text) IS NULL OR q.source = :source)
ORDER BY q.id
LIMIT :most
FOR UPDATE SKIP LOCKED
