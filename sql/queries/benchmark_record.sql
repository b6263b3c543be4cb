-- Grain: one case of one model and trial in one run. Owner: benchmarks. Writes: ai_benchmark_results.
-- Reads: ai_workload_samples. Parameter: rows, a JSON array. A repeated case keeps its first row. A replayed item
-- has the complexity of its sample, also when that has expired.
INSERT INTO ai_benchmark_results (
    run_id, organization_id, feature_id, model_id, source, suite, case_key, score, error_type, error_message,
    served_model, duration_ms, time_to_first_token_ms, input_tokens, output_tokens, cache_read_tokens,
    cache_write_tokens, cache_write_1h_tokens, reasoning_tokens, image_tokens, image_count, operations,
    cost_usd, finished_at, simulated, trial, warm_up, about, bucket, concurrency, processing,
    standard_cost_usd, complexity
)
SELECT
    :run_id,
    r.organization_id,
    r.feature_id,
    r.model_id,
    r.source,
    r.suite,
    r.case_key,
    r.score,
    r.error_type,
    r.error_message,
    r.served_model,
    r.duration_ms,
    r.time_to_first_token_ms,
    coalesce(r.input_tokens, 0),
    coalesce(r.output_tokens, 0),
    coalesce(r.cache_read_tokens, 0),
    coalesce(r.cache_write_tokens, 0),
    coalesce(r.cache_write_1h_tokens, 0),
    coalesce(r.reasoning_tokens, 0),
    coalesce(r.image_tokens, 0),
    coalesce(r.image_count, 0),
    coalesce(r.operations, 0),
    r.cost_usd,
    r.finished_at,
    r.simulated,
    r.trial,
    r.warm_up,
    coalesce(r.about, 'accuracy'),
    r.bucket,
    r.concurrency,
    coalesce(r.processing, 'standard'),
    r.standard_cost_usd,
    w.workload ->> 'complexity'
FROM
    jsonb_to_recordset(cast(:rows AS jsonb))
        AS r (
            organization_id uuid, feature_id text, model_id uuid, source text, suite text, case_key text,
            score numeric, error_type text, error_message text, served_model text, duration_ms integer,
            time_to_first_token_ms integer, input_tokens bigint, output_tokens bigint,
            cache_read_tokens bigint, cache_write_tokens bigint, cache_write_1h_tokens bigint,
            reasoning_tokens bigint, image_tokens bigint, image_count integer, operations integer,
            cost_usd numeric, finished_at timestamptz, simulated boolean, trial smallint, warm_up boolean,
            about text, bucket text, concurrency smallint, processing text, standard_cost_usd numeric
        )
LEFT JOIN ai_workload_samples AS w
    ON
        r.source = 'replay'
        AND r.organization_id = w.organization_id
        AND r.feature_id = w.feature_id
        AND r.case_key = w.item_key
        AND w.workload ->> 'complexity' IN ('low', 'medium', 'high')
ON CONFLICT ON CONSTRAINT ai_benchmark_results_key DO NOTHING;
