-- Grain: one model, feature and source of one benchmark run. Owner: benchmarks.
-- Reads: ai_benchmark_results, ai_models, ai_judge_calibrations. Calls that only warm up say nothing about speed.
-- Intervals of scores are Wilson's at 95 %. Where a judge graded, its figures are those of the calibration with the least agreement.
WITH errors AS (
    SELECT
        e.model_id,
        e.feature_id,
        e.source,
        jsonb_object_agg(e.error_type, e.n) AS errors
    FROM (
        SELECT
            r.model_id,
            r.feature_id,
            r.source,
            r.error_type,
            count(*) AS n
        FROM ai_benchmark_results AS r
        WHERE
            r.run_id = cast(:run_id AS uuid)
            AND r.error_type IS NOT NULL
            AND r.error_type <> 'ungraded'
        GROUP BY r.model_id, r.feature_id, r.source, r.error_type
    ) AS e
    GROUP BY e.model_id, e.feature_id, e.source
)

SELECT
    m.provider || '/' || m.provider_model_id AS model,
    r.feature_id AS feature,
    r.source,
    count(*) AS n,
    avg(r.score)::double precision AS score,
    count(r.score) AS graded,
    count(r.error_type) FILTER (WHERE r.error_type <> 'ungraded') AS failed,
    count(*) FILTER (WHERE r.error_type = 'ungraded') AS ungraded,
    coalesce(e.errors, '{}') AS errors,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY r.duration_ms) FILTER (WHERE NOT r.warm_up) AS median_ms,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY r.duration_ms) FILTER (WHERE NOT r.warm_up) AS p95_ms,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY r.time_to_first_token_ms)
    FILTER (WHERE NOT r.warm_up) AS first_token_ms,
    sum(r.cost_usd) AS cost_usd,
    sum(r.judge_cost_usd) AS judge_cost_usd,
    string_agg(DISTINCT j.provider || '/' || k.served_model, ', ') AS judge,
    (array_agg(k.measured ORDER BY k.measured -> 'agreement' -> 1) FILTER (WHERE k.id IS NOT NULL))[1]
        AS judge_measured,
    coalesce(bool_and(k.passed) FILTER (WHERE k.id IS NOT NULL), TRUE) AS is_proof,
    count(*) FILTER (
        WHERE r.cost_usd IS NULL AND coalesce(r.error_type, 'ungraded') = 'ungraded'
    ) AS unpriced,
    bool_or(r.simulated) AS simulated
FROM ai_benchmark_results AS r
INNER JOIN ai_models AS m ON r.model_id = m.id
LEFT JOIN ai_judge_calibrations AS k ON r.judge_calibration_id = k.id
LEFT JOIN ai_models AS j ON k.judge_model_id = j.id
LEFT JOIN errors AS e ON r.model_id = e.model_id AND r.feature_id = e.feature_id AND r.source = e.source
WHERE r.run_id = cast(:run_id AS uuid)
GROUP BY m.provider, m.provider_model_id, r.feature_id, r.source, e.errors
ORDER BY r.feature_id ASC, r.source ASC, score DESC NULLS LAST, model ASC;
