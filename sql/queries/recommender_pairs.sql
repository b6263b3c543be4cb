-- Grain: one candidate of one feature of one organization against the model in use, and against the model that the
-- margin is fixed to where that is another: for the feature as a whole (complexity any) and for each level of
-- complexity that its items have; with its paired differences as an array in the order in which the
-- evidence came in, and the sums that means and cost ratios need. Owner: recommender. Reads: ai_benchmark_results,
-- ai_workload_samples, ai_feature_settings, ai_models, ai_model_availability, model_events,
-- ai_judge_calibrations.
-- Each item counts once per model: its first finished replay, also after the sample itself has expired. Where
-- the model in use was not replayed (it is gone), what it answered and took when the item was served stands
-- for it.
-- What a model answered before it changed under its id is evidence on another model and counts no more.
-- A failure of the model itself scores 0; a failure of the network or of a limit is no evidence.
-- A judge's verdict is evidence where the judge passed its calibration, and only beside the same judge's.
WITH replayed AS (
    SELECT DISTINCT ON (r.organization_id, r.feature_id, r.model_id, r.case_key)
        r.organization_id,
        r.feature_id,
        r.model_id,
        r.case_key,
        r.sequence,
        coalesce(r.score, 0) AS score,
        -- A batched call was paid at another price than the feature's traffic.
        coalesce(r.standard_cost_usd, r.cost_usd) AS cost_usd,
        r.duration_ms,
        r.simulated,
        r.complexity,
        k.judge_model_id
    FROM ai_benchmark_results AS r
    LEFT JOIN model_drifts AS d ON r.organization_id = d.organization_id AND r.model_id = d.model_id
    LEFT JOIN ai_judge_calibrations AS k ON r.judge_calibration_id = k.id
    WHERE
        r.source = 'replay'
        AND r.finished_at >= coalesce(d.drifted_at, '-infinity')
        AND coalesce(k.passed, TRUE)
        AND (r.score IS NOT NULL OR r.error_type IN ('bad_request', 'malformed_answer', 'refusal'))
    ORDER BY r.organization_id, r.feature_id, r.model_id, r.case_key, r.sequence
),

compared AS (
    SELECT
        s.organization_id,
        s.feature_id,
        s.current_model_id,
        s.current_model_id AS reference_model_id
    FROM ai_feature_settings AS s
    WHERE s.current_model_id IS NOT NULL
    UNION
    SELECT
        s.organization_id,
        s.feature_id,
        s.current_model_id,
        s.reference_model_id
    FROM ai_feature_settings AS s
    WHERE s.current_model_id IS NOT NULL AND s.reference_model_id IS NOT NULL
),

reference AS (
    SELECT
        r.organization_id,
        r.feature_id,
        r.case_key,
        r.score,
        r.sequence,
        r.cost_usd,
        r.duration_ms,
        r.complexity,
        r.judge_model_id,
        s.current_model_id,
        s.reference_model_id
    FROM replayed AS r
    INNER JOIN compared AS s
        ON
            r.organization_id = s.organization_id AND r.feature_id = s.feature_id
            AND r.model_id = s.reference_model_id
    UNION ALL
    SELECT
        w.organization_id,
        w.feature_id,
        w.item_key AS case_key,
        w.baseline_score AS score,
        0 AS sequence,
        p.cost_usd,
        NULL AS duration_ms,
        w.workload ->> 'complexity' AS complexity,
        NULL AS judge_model_id,
        s.current_model_id,
        s.reference_model_id
    FROM ai_workload_samples AS w
    INNER JOIN
        compared AS s
        ON
            w.organization_id = s.organization_id AND w.feature_id = s.feature_id
            AND w.baseline_model_id = s.reference_model_id
    INNER JOIN ai_models AS m ON s.reference_model_id = m.id
    LEFT JOIN model_drifts AS d ON w.organization_id = d.organization_id AND s.reference_model_id = d.model_id
    LEFT JOIN LATERAL modelscout.price_usage(
        w.organization_id, m.provider, m.provider_model_id, 'standard', :now,
        coalesce((w.baseline_usage ->> 'input_tokens')::bigint, 0),
        coalesce((w.baseline_usage ->> 'output_tokens')::bigint, 0),
        coalesce((w.baseline_usage ->> 'cache_read_tokens')::bigint, 0),
        coalesce((w.baseline_usage ->> 'cache_write_tokens')::bigint, 0),
        coalesce((w.baseline_usage ->> 'cache_write_1h_tokens')::bigint, 0),
        coalesce((w.baseline_usage ->> 'operations')::bigint, 0),
        coalesce((w.baseline_usage ->> 'image_count')::bigint, 0)
    ) AS p ON TRUE
    WHERE
        w.baseline_score IS NOT NULL
        -- Whoever scored it when it was served, it was not the judge.
        AND w.grader <> 'rubric'
        AND w.sampled_at >= coalesce(d.drifted_at, '-infinity')
        AND NOT EXISTS (
            SELECT 1
            FROM replayed AS r
            WHERE
                r.organization_id = w.organization_id
                AND r.feature_id = w.feature_id
                AND r.model_id = s.reference_model_id
                AND r.case_key = w.item_key
        )
)

SELECT
    'paired' AS kind,
    CASE
        WHEN grouping(coalesce(c.complexity, f.complexity)) = 1 THEN 'any'
        ELSE coalesce(c.complexity, f.complexity)
    END AS complexity,
    c.organization_id::text AS organization_id,
    c.feature_id,
    c.model_id::text AS model_id,
    f.reference_model_id::text AS reference_model_id,
    f.reference_model_id = f.current_model_id AS is_in_use,
    m.provider,
    m.provider_model_id AS model,
    count(*) AS n,
    array_agg(
        (c.score - f.score)::double precision ORDER BY greatest(c.sequence, f.sequence), c.case_key
    ) AS differences,
    sum(c.score)::double precision AS candidate_score,
    sum(f.score)::double precision AS reference_score,
    sum(c.score * c.score)::double precision AS candidate_score_squared,
    sum(f.score * f.score)::double precision AS reference_score_squared,
    sum(c.score * f.score)::double precision AS score_product,
    count(c.cost_usd + f.cost_usd) AS priced,
    sum(c.cost_usd) FILTER (WHERE f.cost_usd IS NOT NULL)::double precision AS candidate_cost,
    sum(f.cost_usd) FILTER (WHERE c.cost_usd IS NOT NULL)::double precision AS reference_cost,
    sum(c.cost_usd * c.cost_usd) FILTER (WHERE f.cost_usd IS NOT NULL)::double precision
        AS candidate_cost_squared,
    sum(f.cost_usd * f.cost_usd) FILTER (WHERE c.cost_usd IS NOT NULL)::double precision
        AS reference_cost_squared,
    sum(c.cost_usd * f.cost_usd)::double precision AS cost_product,
    avg(c.cost_usd)::double precision AS cost_per_item_usd,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY c.duration_ms) AS candidate_median_ms,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY f.duration_ms) AS reference_median_ms,
    count(*) FILTER (WHERE c.duration_ms + f.duration_ms > 0) AS timed,
    sum(ln(greatest(c.duration_ms, 1.0) / greatest(f.duration_ms, 1.0)))
    FILTER (WHERE c.duration_ms + f.duration_ms > 0) AS log_latency,
    sum(ln(greatest(c.duration_ms, 1.0) / greatest(f.duration_ms, 1.0)) ^ 2)
    FILTER (WHERE c.duration_ms + f.duration_ms > 0) AS log_latency_squared,
    min(greatest(c.sequence, f.sequence)) AS first_sequence,
    max(greatest(c.sequence, f.sequence)) AS last_sequence,
    bool_or(c.simulated) AS simulated
FROM replayed AS c
INNER JOIN reference AS f
    ON c.organization_id = f.organization_id AND c.feature_id = f.feature_id AND c.case_key = f.case_key
INNER JOIN ai_models AS m ON c.model_id = m.id
WHERE
    c.model_id <> f.current_model_id
    AND c.model_id <> f.reference_model_id
    AND (c.judge_model_id IS NULL OR f.judge_model_id IS NULL OR c.judge_model_id = f.judge_model_id)
GROUP BY
    c.organization_id, c.feature_id, c.model_id, f.reference_model_id, f.current_model_id, m.provider,
    m.provider_model_id,
    GROUPING SETS ((), (coalesce(c.complexity, f.complexity)))
HAVING
    grouping(coalesce(c.complexity, f.complexity)) = 1
    OR coalesce(c.complexity, f.complexity) IN ('low', 'medium', 'high')
ORDER BY c.organization_id, c.feature_id, c.model_id, complexity;
