-- Grain: one import, in the transaction that writes the rows up to :position. Owner: usage.importing.
-- Writes: ai_usage_imports. Returns nothing where another process has gone on in the meantime.
UPDATE ai_usage_imports SET
    position = :position,
    line = :line,
    rows_read = rows_read + :rows_read,
    rows_written = rows_written + :rows_written,
    rows_duplicate = rows_duplicate + :rows_duplicate,
    rows_quarantined = rows_quarantined + :rows_quarantined,
    rows_ignored = rows_ignored + :rows_ignored,
    updated_at = :now,
    finished_at = CASE WHEN cast(:finished AS boolean) THEN cast(:now AS timestamptz) END
WHERE
    organization_id = cast(:organization_id AS uuid)
    AND file_digest = :file_digest
    AND mapping_digest = :mapping_digest
    AND position = :position_before
    AND finished_at IS NULL
RETURNING position
