-- Grain: one file taken in for one organization under one mapping. Owner: usage.importing. Writes: ai_usage_imports.
-- Returns where reading goes on.
INSERT INTO ai_usage_imports (
    organization_id, file_digest, mapping_digest, format, source, started_at, updated_at
)
VALUES (
    cast(:organization_id AS uuid), :file_digest, :mapping_digest, :format, :source, :now, :now
)
ON CONFLICT (organization_id, file_digest, mapping_digest) DO UPDATE SET updated_at = excluded.updated_at
RETURNING position, line, rows_read, rows_written, rows_duplicate, rows_quarantined, rows_ignored, finished_at
