-- Grain: one benchmark run. Owner: benchmarks. Writes: ai_benchmark_runs.parameters.choices.
-- Adds one shard's choice of models to replay; shards write at the same time, the row's lock keeps them apart.
UPDATE ai_benchmark_runs
SET
    parameters = jsonb_set(
        parameters, '{choices}', cast(:choices AS jsonb) || coalesce(parameters -> 'choices', '{}')
    )
WHERE id = :run_id;
