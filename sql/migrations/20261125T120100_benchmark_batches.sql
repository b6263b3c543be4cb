-- Benchmark calls that go through the vendors' batch APIs, where an organization allows it.

ALTER TABLE organizations ADD COLUMN IF NOT EXISTS allows_batch_benchmarks boolean NOT NULL DEFAULT FALSE;

-- cost_usd is what was paid. A batched call is paid at the batch price; standard_cost_usd is the price of the same
-- call without waiting, which is what evidence about a feature's traffic needs.
ALTER TABLE ai_benchmark_results ADD COLUMN processing text NOT NULL DEFAULT 'standard'
CHECK (processing IN ('standard', 'batch'));
ALTER TABLE ai_benchmark_results ADD COLUMN standard_cost_usd numeric;

-- Grain: one batch of calls to one model with one key. Owner: benchmarks. Written before the vendor is asked, so
-- that a batch is found again whenever a process dies. items: what is needed to recognise and grade each answer;
-- references are taken out once it is collected.
CREATE TABLE ai_benchmark_batches (
    id uuid PRIMARY KEY,
    run_id uuid NOT NULL REFERENCES ai_benchmark_runs (id) ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    model_id uuid NOT NULL REFERENCES ai_models (id) ON DELETE CASCADE,
    secret_reference text NOT NULL,
    state text NOT NULL CHECK (state IN ('submitting', 'open', 'collected', 'refused', 'lost')),
    vendor_batch_id text,
    items jsonb NOT NULL,
    reservation_id uuid REFERENCES spend_reservations (id) ON DELETE SET NULL,
    simulated boolean NOT NULL DEFAULT FALSE,
    submitted_at timestamptz NOT NULL,
    closed_at timestamptz
);
CREATE INDEX ai_benchmark_batches_pending ON ai_benchmark_batches (organization_id)
WHERE state IN ('submitting', 'open');
CREATE INDEX ai_benchmark_batches_run ON ai_benchmark_batches (run_id);

ALTER TABLE ai_benchmark_batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE ai_benchmark_batches FORCE ROW LEVEL SECURITY;
CREATE POLICY pipeline ON ai_benchmark_batches TO modelscout_pipeline USING (TRUE) WITH CHECK (TRUE);
CREATE POLICY own_rows ON ai_benchmark_batches TO modelscout_organization
USING (organization_id = (SELECT modelscout.session_organization()));
CREATE POLICY scoped_rows ON ai_benchmark_batches TO modelscout_application
USING (organization_id = (SELECT modelscout.transaction_organization()));
GRANT SELECT, INSERT, UPDATE, DELETE ON ai_benchmark_batches TO modelscout_pipeline;
