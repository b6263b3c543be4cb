-- Answers that a judge model grades by a rubric: what waits for it, how well it agrees with known answers, its cost.

-- Judges in the order in which they are preferred, as provider/model and separated by commas; NULL leaves it to
-- MODELSCOUT_JUDGE_MODEL.
ALTER TABLE organizations ADD COLUMN IF NOT EXISTS judge_model text;

-- Grain: one finished calibration of one judge as it was served. Append-only. organization_id NULL = measured with a
-- key that speaks for the vendor: true for everybody.
CREATE TABLE ai_judge_calibrations (
    id uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    judge_model_id uuid NOT NULL REFERENCES ai_models (id) ON DELETE CASCADE,
    served_model text NOT NULL,
    item_set text NOT NULL,
    measured jsonb NOT NULL,
    passed boolean NOT NULL,
    reasons text[] NOT NULL DEFAULT '{}',
    cost_usd numeric,
    simulated boolean NOT NULL DEFAULT FALSE,
    calibrated_at timestamptz NOT NULL
);
CREATE INDEX ai_judge_calibrations_latest ON ai_judge_calibrations (judge_model_id, calibrated_at DESC);

-- Grain: one known answer of one calibration, also of one that was interrupted: it is not paid again. Append-only.
CREATE TABLE ai_judge_calibration_verdicts (
    calibration_id uuid NOT NULL,
    item_key text NOT NULL,
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    judge_model_id uuid NOT NULL REFERENCES ai_models (id) ON DELETE CASCADE,
    served_model text NOT NULL,
    item_set text NOT NULL,
    score numeric(5, 4) NOT NULL CHECK (score BETWEEN 0 AND 1),
    cost_usd numeric,
    simulated boolean NOT NULL DEFAULT FALSE,
    judged_at timestamptz NOT NULL,
    PRIMARY KEY (calibration_id, item_key)
);
CREATE INDEX ai_judge_calibration_verdicts_open
ON ai_judge_calibration_verdicts (judge_model_id, judged_at DESC);

ALTER TABLE ai_benchmark_results ADD COLUMN judge_calibration_id uuid REFERENCES ai_judge_calibrations (id);
ALTER TABLE ai_benchmark_results ADD COLUMN judge_cost_usd numeric;
-- The run that judged it, which may be a later one than asked it: what it changes is published then.
ALTER TABLE ai_benchmark_results
ADD COLUMN judged_run_id uuid REFERENCES ai_benchmark_runs (id) ON DELETE SET NULL;
CREATE INDEX ai_benchmark_results_judged ON ai_benchmark_results (judged_run_id)
WHERE judged_run_id IS NOT NULL;
CREATE INDEX ai_benchmark_results_suite ON ai_benchmark_results (suite, model_id)
WHERE judge_calibration_id IS NOT NULL OR error_type = 'ungraded';

-- Grain: one answer that waits for its judge. Expires with the sample that it answers, after a week at the latest.
-- organization_id is whose data it is (NULL: a case of our own suites), payer_organization_id whose key judges it.
CREATE TABLE ai_benchmark_answers (
    result_id uuid PRIMARY KEY REFERENCES ai_benchmark_results (id) ON DELETE CASCADE,
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    payer_organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    question text NOT NULL,
    reference jsonb NOT NULL,
    answer text NOT NULL,
    order_seed bigint NOT NULL,
    answered_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ai_benchmark_answers_payer ON ai_benchmark_answers (payer_organization_id);
CREATE INDEX ai_benchmark_answers_expiry ON ai_benchmark_answers (expires_at);

DO $policies$
DECLARE
    target text;
BEGIN
    FOREACH target IN ARRAY ARRAY[
        'ai_judge_calibrations', 'ai_judge_calibration_verdicts', 'ai_benchmark_answers'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', target);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
        EXECUTE format(
            'CREATE POLICY pipeline ON %I TO modelscout_pipeline USING (TRUE) WITH CHECK (TRUE)', target
        );
    END LOOP;
END;
$policies$;
GRANT SELECT, INSERT ON ai_judge_calibrations, ai_judge_calibration_verdicts TO modelscout_pipeline;
GRANT SELECT, INSERT, UPDATE, DELETE ON ai_benchmark_answers TO modelscout_pipeline;
