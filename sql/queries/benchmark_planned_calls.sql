-- Grain: one phase of one shard of a benchmark run. Owner: benchmarks. Writes: ai_benchmark_runs.
UPDATE ai_benchmark_runs
SET planned_calls = planned_calls || jsonb_build_object(cast(:label AS text), cast(:planned AS integer))
WHERE id = cast(:run_id AS uuid);
