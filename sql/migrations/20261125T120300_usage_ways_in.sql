-- Ways in for usage: where a quarantined record came from, who may put one there, and how far an import is.

-- format says who reads the payload again: an event or outcome of the recorder, or a record of an import.
ALTER TABLE ai_usage_quarantine ADD COLUMN format text NOT NULL DEFAULT 'event'
CHECK (format IN ('event', 'outcome', 'otel', 'litellm', 'csv', 'jsonl', 'parquet'));
ALTER TABLE ai_usage_quarantine ADD COLUMN source text;
ALTER TABLE ai_usage_quarantine ADD COLUMN position bigint;
ALTER TABLE ai_usage_quarantine ADD COLUMN last_tried_at timestamptz;

-- Each organization has its own keys: nobody can take another's, or learn that it is taken.
ALTER TABLE ai_usage_quarantine DROP CONSTRAINT ai_usage_quarantine_natural_key_key;
ALTER TABLE ai_usage_quarantine ADD CONSTRAINT ai_usage_quarantine_key
UNIQUE NULLS NOT DISTINCT (organization_id, natural_key);
CREATE INDEX ai_usage_quarantine_open ON ai_usage_quarantine (organization_id, quarantined_at)
WHERE replayed_at IS NULL;

-- The recorder puts aside what it cannot write; reading and mending is the pipeline's.
GRANT INSERT ON ai_usage_quarantine TO modelscout_application, modelscout_organization;
-- An event whose organization cannot be read belongs to nobody: the application may hand it in all the same.
CREATE POLICY nobodys_rows ON ai_usage_quarantine FOR INSERT TO modelscout_application
WITH CHECK (organization_id IS NULL);

-- Grain: one file taken in for one organization under one mapping. Writes: importers, with every batch of rows.
-- position is where the next run goes on: bytes of a text file, rows of a Parquet file.
CREATE TABLE ai_usage_imports (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    file_digest text NOT NULL,
    mapping_digest text NOT NULL,
    format text NOT NULL,
    source text NOT NULL,
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    line bigint NOT NULL DEFAULT 0 CHECK (line >= 0),
    rows_read bigint NOT NULL DEFAULT 0,
    rows_written bigint NOT NULL DEFAULT 0,
    rows_duplicate bigint NOT NULL DEFAULT 0,
    rows_quarantined bigint NOT NULL DEFAULT 0,
    rows_ignored bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (organization_id, file_digest, mapping_digest),
    CHECK (rows_read = rows_written + rows_duplicate + rows_quarantined + rows_ignored)
);
ALTER TABLE ai_usage_imports ENABLE ROW LEVEL SECURITY;
ALTER TABLE ai_usage_imports FORCE ROW LEVEL SECURITY;
CREATE POLICY pipeline ON ai_usage_imports TO modelscout_pipeline USING (TRUE) WITH CHECK (TRUE);
GRANT SELECT, INSERT, UPDATE, DELETE ON ai_usage_imports TO modelscout_pipeline;
