-- Grain: one model whose speed this run has measured. Owner: benchmarks. Reads: ai_models (its published speed).
-- Writes: ai_model_capabilities, fast_processing. Only what the whole interval shows is a conclusion: an answer of about
-- 100 tokens to a short prompt, one call at a time, takes at most limit_ms, or more although it is documented to be fast.
WITH measured AS (
    SELECT
        m.id AS model_id,
        'fast_processing' = any(m.documented_capabilities) AS documented,
        m.performance_metrics -> 'speed' -> 'short' -> '1' AS speed
    FROM ai_models AS m
    WHERE
        m.id = any(cast(:model_ids AS uuid[]))
        AND jsonb_array_length(
            m.performance_metrics -> 'speed' -> 'short' -> '1' -> 'duration_interval_ms'
        ) = 2
),

judged AS (
    SELECT
        *,
        (speed -> 'duration_interval_ms' ->> 1)::numeric <= :limit_ms AS is_fast,
        (speed -> 'duration_interval_ms' ->> 0)::numeric > :limit_ms AS is_slow
    FROM measured
    WHERE (speed ->> 'n')::integer >= :minimum_calls
)

INSERT INTO ai_model_capabilities AS c (
    model_id, capability, result, documented, evidence, tested_at, simulated
)
SELECT
    j.model_id,
    'fast_processing',
    CASE WHEN j.is_fast THEN 'verified' ELSE 'contradicted' END,
    j.documented,
    jsonb_build_object(
        'duration_ms', j.speed -> 'duration_ms',
        'interval_ms', j.speed -> 'duration_interval_ms',
        'limit_ms', cast(:limit_ms AS integer),
        'n', j.speed -> 'n'
    ),
    (j.speed ->> 'run_at')::timestamptz,
    (j.speed ->> 'simulated')::boolean
FROM judged AS j
WHERE j.is_fast OR (j.is_slow AND j.documented)
ORDER BY j.model_id
ON CONFLICT (model_id, capability) DO UPDATE SET
    result = excluded.result,
    documented = excluded.documented,
    evidence = excluded.evidence,
    tested_at = excluded.tested_at,
    simulated = excluded.simulated;
