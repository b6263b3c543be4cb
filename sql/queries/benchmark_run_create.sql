-- Grain: one benchmark run. Owner: benchmarks. Writes: ai_benchmark_runs.
-- A repeated task finds its run and leaves it as it is, plan and seed included.
INSERT INTO ai_benchmark_runs (id, kind, parameters, seed, spend_limit_usd, status, started_at)
VALUES (
    :run_id, :kind, cast(:parameters AS jsonb), :seed, cast(:spend_limit_usd AS numeric), 'running', :now
)
ON CONFLICT (id) DO NOTHING;
