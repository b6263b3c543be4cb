-- Grain: one answer that waits for its judge. Owner: benchmarks. Writes: ai_benchmark_answers.
-- Reads: ai_benchmark_results, ai_workload_samples. Parameter: rows, a JSON array; those with an answer are kept, as
-- long as the sample that they answer, for `kept_for` at most. Runs with benchmark_record, in one transaction.
INSERT INTO ai_benchmark_answers (
    result_id, organization_id, payer_organization_id, question, reference, answer, order_seed, answered_at,
    expires_at
)
SELECT
    b.id,
    b.organization_id,
    r.payer_organization_id,
    r.question,
    r.reference,
    r.answer,
    r.order_seed,
    b.finished_at,
    least(b.finished_at + cast(:kept_for AS interval), w.expires_at)
FROM
    jsonb_to_recordset(cast(:rows AS jsonb))
        AS r (
            model_id uuid, suite text, case_key text, trial smallint, payer_organization_id uuid,
            question text, reference jsonb, answer text, order_seed bigint
        )
INNER JOIN ai_benchmark_results AS b
    ON
        r.model_id = b.model_id AND r.suite = b.suite AND r.case_key = b.case_key AND r.trial = b.trial
        AND b.run_id = cast(:run_id AS uuid)
LEFT JOIN ai_workload_samples AS w
    ON
        b.organization_id = w.organization_id AND b.feature_id = w.feature_id AND b.case_key = w.item_key
WHERE r.answer IS NOT NULL AND b.error_type = 'ungraded'
ON CONFLICT (result_id) DO NOTHING;
