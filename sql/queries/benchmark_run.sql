-- Grain: one benchmark run. Owner: benchmarks. Reads: ai_benchmark_runs.
SELECT
    kind,
    parameters,
    seed,
    spend_limit_usd,
    status,
    started_at
FROM ai_benchmark_runs
WHERE id = :run_id;
