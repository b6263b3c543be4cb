-- Grain: one benchmark run. Owner: benchmarks. Reads and locks: ai_benchmark_runs.
-- Whoever reserves money for a run does it alone; the sum is read by the next statement, with a new snapshot.
SELECT spend_limit_usd
FROM ai_benchmark_runs
WHERE id = :run_id
FOR UPDATE;
