-- Grain: one record in quarantine that is not replayed, the newest first. Owner: usage.quarantine.
-- Reads: ai_usage_quarantine. :organization_id, :source may be NULL for all.
SELECT
    q.id::text AS id,
    o.slug AS organization,
    q.format,
    q.source,
    q.position,
    q.reason,
    q.remedy,
    q.quarantined_at,
    q.last_tried_at,
    q.payload,
    count(*) OVER () AS total
FROM ai_usage_quarantine AS q
LEFT JOIN organizations AS o ON q.organization_id = o.id
WHERE
    q.replayed_at IS NULL
    AND (cast(:organization_id AS uuid) IS NULL OR q.organization_id = cast(:organization_id AS uuid))
    AND (cast(:source AS text) IS NULL OR q.source = :source)
ORDER BY q.quarantined_at DESC, q.source ASC, q.position ASC, q.id ASC
LIMIT :most
