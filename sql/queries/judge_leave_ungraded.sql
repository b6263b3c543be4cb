-- Grain: one answer that its judge could not grade now. Owner: benchmarks. Writes: ai_benchmark_results.
UPDATE ai_benchmark_results
SET
    error_message = :message,
    judge_cost_usd = CASE
        WHEN cast(:cost_usd AS numeric) IS NULL THEN judge_cost_usd
        ELSE coalesce(judge_cost_usd, 0) + cast(:cost_usd AS numeric)
    END
WHERE id = any(cast(:result_ids AS uuid[])) AND error_type = 'ungraded';
