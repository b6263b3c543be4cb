-- Grain: one import that is to be read from its beginning. Owner: usage.importing. Writes: ai_usage_imports.
UPDATE ai_usage_imports SET
    position = 0,
    line = 0,
    rows_read = 0,
    rows_written = 0,
    rows_duplicate = 0,
    rows_quarantined = 0,
    rows_ignored = 0,
    started_at = :now,
    updated_at = :now,
    finished_at = NULL
WHERE
    organization_id = cast(:organization_id AS uuid)
    AND file_digest = :file_digest
    AND mapping_digest = :mapping_digest
