-- Grain: one answer with its verdict. Owner: benchmarks. Writes: ai_benchmark_results, ai_benchmark_answers.
-- The evidence comes in when the verdict does: a look that was taken before must find it behind, so that the row
-- takes a new place in the order.
WITH graded AS (
    UPDATE ai_benchmark_results
    SET
        score = :score,
        error_type = NULL,
        error_message = NULL,
        judge_calibration_id = cast(:calibration_id AS uuid),
        judge_cost_usd = coalesce(judge_cost_usd, 0) + cast(:cost_usd AS numeric),
        judged_run_id = cast(:run_id AS uuid),
        sequence = DEFAULT
    WHERE id = cast(:result_id AS uuid) AND error_type = 'ungraded'
    RETURNING id
)

DELETE FROM ai_benchmark_answers AS a USING graded AS g
WHERE a.result_id = g.id;
