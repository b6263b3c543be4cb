-- Results of checks say which suite they are of and, where one organization's rows fail, which organization's.
ALTER TABLE data_quality_results
ADD COLUMN suite text NOT NULL DEFAULT 'rollup',
ADD COLUMN organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
DROP CONSTRAINT data_quality_results_pkey,
ADD CONSTRAINT data_quality_results_key
UNIQUE NULLS NOT DISTINCT (run_key, suite, expectation, organization_id);
ALTER TABLE data_quality_results ALTER COLUMN suite DROP DEFAULT;
CREATE INDEX data_quality_results_latest ON data_quality_results (checked_at);

-- Only the pipeline reads it.
ALTER TABLE data_quality_results ENABLE ROW LEVEL SECURITY;
ALTER TABLE data_quality_results FORCE ROW LEVEL SECURITY;
CREATE POLICY pipeline ON data_quality_results TO modelscout_pipeline USING (TRUE) WITH CHECK (TRUE);
