-- Grain: one benchmark run. Owner: benchmarks. Writes: ai_benchmark_runs. One that was stopped stays so.
UPDATE ai_benchmark_runs
SET
    status = 'finished',
    finished_at = :now
WHERE id = :run_id AND status IN ('running', 'finished');
