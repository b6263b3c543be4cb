-- Grain: one case of one model that this run has done. Owner: benchmarks. Reads: ai_benchmark_results.
SELECT
    r.organization_id::text AS organization_id,
    r.model_id::text AS model_id,
    r.suite,
    r.case_key,
    r.trial,
    r.error_type
FROM ai_benchmark_results AS r
WHERE r.run_id = :run_id;
