-- Grain: one model on one feature of an organization's own items, replayed. Owner: recommender.
-- Reads: ai_benchmark_results, ai_judge_calibrations. Each item counts once per model, with its first finished
-- replay; a failure of the model itself scores 0, the verdict of a judge that failed its calibration does not count.
-- The interval of the 95th percentile is that of its ranks at 90 % (David and Nagaraja,
-- Order Statistics, section 7.1).
WITH replayed AS (
    SELECT DISTINCT ON (r.feature_id, r.model_id, r.case_key)
        r.feature_id,
        r.model_id,
        coalesce(r.score, 0) AS score,
        r.cost_usd,
        CASE WHEN r.error_type IS NULL THEN r.duration_ms END AS duration_ms,
        r.simulated
    FROM ai_benchmark_results AS r
    LEFT JOIN ai_judge_calibrations AS k ON r.judge_calibration_id = k.id
    WHERE
        r.organization_id = cast(:organization_id AS uuid)
        AND r.source = 'replay'
        AND coalesce(k.passed, TRUE)
        AND (r.score IS NOT NULL OR r.error_type IN ('bad_request', 'malformed_answer', 'refusal'))
    ORDER BY r.feature_id, r.model_id, r.case_key, r.sequence
),

counted AS (
    SELECT
        feature_id,
        model_id,
        1.645 * sqrt(0.95 * 0.05 / greatest(count(duration_ms), 1)) AS half_width
    FROM replayed
    GROUP BY feature_id, model_id
)

SELECT
    r.feature_id,
    r.model_id::text AS model_id,
    count(*) AS n,
    sum(r.score) AS score_sum,
    count(r.cost_usd) AS priced,
    sum(r.cost_usd) AS cost_usd,
    count(r.duration_ms) AS timed,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY r.duration_ms) AS p95_ms,
    percentile_disc(greatest(0.95 - c.half_width, 0))
    WITHIN GROUP (ORDER BY r.duration_ms) AS p95_low_ms,
    percentile_disc(least(0.95 + c.half_width, 1))
    WITHIN GROUP (ORDER BY r.duration_ms) AS p95_high_ms,
    bool_or(r.simulated) AS simulated
FROM replayed AS r
INNER JOIN counted AS c ON r.feature_id = c.feature_id AND r.model_id = c.model_id
GROUP BY r.feature_id, r.model_id, c.half_width;
