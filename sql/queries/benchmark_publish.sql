-- Grain: one model with platform results in this run. Owner: benchmarks.
-- Reads: ai_benchmark_results, ai_judge_calibrations, model_events.
-- Writes: ai_models.benchmark_results and performance_metrics.
-- Each case counts once, with its latest conclusive result since a moment and since the model last changed.
-- Intervals are at 95 %: Wilson's for shares, order statistics for medians. What waits for a judge stays out; a
-- verdict of a judge that failed its calibration counts for speed alone.
WITH touched AS (
    SELECT DISTINCT model_id
    FROM ai_benchmark_results
    WHERE (run_id = :run_id OR judged_run_id = :run_id) AND source = 'platform' AND about = 'accuracy'
),

recent AS (
    SELECT DISTINCT ON (r.model_id, r.feature_id, r.suite, r.case_key)
        r.*,
        CASE WHEN coalesce(k.passed, TRUE) THEN r.score END AS proven_score,
        k.measured AS judge_measured
    FROM ai_benchmark_results AS r
    INNER JOIN touched AS t ON r.model_id = t.model_id
    LEFT JOIN ai_judge_calibrations AS k ON r.judge_calibration_id = k.id
    LEFT JOIN vendor_model_drifts AS d ON r.model_id = d.model_id
    WHERE
        r.source = 'platform'
        AND r.about = 'accuracy'
        AND r.finished_at >= cast(:since AS timestamptz)
        AND r.finished_at >= coalesce(d.drifted_at, '-infinity')
        AND (r.error_type IS NULL OR r.error_type NOT IN ('no_price', 'grading_failed', 'ungraded'))
    ORDER BY r.model_id ASC, r.feature_id ASC, r.suite ASC, r.case_key ASC, r.sequence DESC
),

latest_suite AS (
    SELECT DISTINCT ON (model_id, feature_id)
        model_id,
        feature_id,
        suite
    FROM recent
    ORDER BY model_id ASC, feature_id ASC, sequence DESC
),

counted AS (
    SELECT r.*
    FROM recent AS r
    INNER JOIN latest_suite AS l
        ON r.model_id = l.model_id AND r.feature_id = l.feature_id AND r.suite = l.suite
),

quality AS (
    SELECT
        model_id,
        feature_id,
        avg(proven_score)::double precision AS score,
        count(proven_score)::double precision AS n,
        -- The judge with the least agreement comes first; NULL where none was judged.
        array_agg(judge_measured ORDER BY judge_measured -> 'agreement' -> 1)
        FILTER (WHERE proven_score IS NOT NULL AND judge_measured IS NOT NULL) AS judges_measured,
        bool_or(simulated) AS simulated,
        max(finished_at) AS run_at
    FROM counted
    GROUP BY model_id, feature_id
    HAVING count(proven_score) > 0
),

quality_bounds AS (
    SELECT
        *,
        (score + :z * :z / (2 * n)) / (1 + :z * :z / n) AS centre,
        :z * sqrt(score * (1 - score) / n + :z * :z / (4 * n * n)) / (1 + :z * :z / n) AS half_width
    FROM quality
),

results AS (
    SELECT
        model_id,
        jsonb_object_agg(
            feature_id, jsonb_build_object(
                'score', round(score::numeric, 4),
                'n', n::integer,
                'interval', jsonb_build_array(
                    round(greatest(centre - half_width, 0)::numeric, 4),
                    round(least(centre + half_width, 1)::numeric, 4)
                ),
                'simulated', simulated,
                'run_at', run_at
            ) || CASE
                WHEN judges_measured IS NULL THEN '{}'::jsonb
                ELSE jsonb_build_object(
                    'judge', jsonb_build_object(
                        'agreement', judges_measured[1] -> 'agreement',
                        'length_bias', judges_measured[1] -> 'length_bias'
                    )
                )
            END
        ) AS benchmark_results
    FROM quality_bounds
    GROUP BY model_id
),

-- Ranks of the order statistics between which a median lies with 95 %, whatever the distribution: binomial, so
-- that the middle of n values is n/2 and its spread sqrt(n)/2 (David and Nagaraja, Order Statistics, section 7.1).
timed AS (
    SELECT
        model_id,
        count(*) FILTER (WHERE NOT warm_up AND duration_ms IS NOT NULL)::double precision AS durations,
        count(*) FILTER (WHERE NOT warm_up AND time_to_first_token_ms IS NOT NULL)::double precision AS firsts
    FROM counted
    GROUP BY model_id
),

ranks AS (
    SELECT
        model_id,
        greatest(floor(durations / 2 - :z * sqrt(durations) / 2), 1) / greatest(durations, 1) AS duration_low,
        least(ceil(durations / 2 + :z * sqrt(durations) / 2) + 1, durations) / greatest(durations, 1)
            AS duration_high,
        greatest(floor(firsts / 2 - :z * sqrt(firsts) / 2), 1) / greatest(firsts, 1) AS first_low,
        least(ceil(firsts / 2 + :z * sqrt(firsts) / 2) + 1, firsts) / greatest(firsts, 1) AS first_high
    FROM timed
),

speed AS (
    SELECT
        c.model_id,
        count(*)::double precision AS n,
        count(c.error_type)::double precision / count(*) AS error_rate,
        percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY c.duration_ms)
        FILTER (WHERE NOT c.warm_up) AS duration_ms,
        percentile_disc(ARRAY[r.duration_low, r.duration_high]) WITHIN GROUP (ORDER BY c.duration_ms)
        FILTER (WHERE NOT c.warm_up) AS duration_interval_ms,
        percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY c.time_to_first_token_ms)
        FILTER (WHERE NOT c.warm_up) AS time_to_first_token_ms,
        percentile_disc(ARRAY[r.first_low, r.first_high]) WITHIN GROUP (ORDER BY c.time_to_first_token_ms)
        FILTER (WHERE NOT c.warm_up) AS time_to_first_token_interval_ms,
        percentile_cont(0.5) WITHIN GROUP (
            ORDER BY
                (c.output_tokens - c.reasoning_tokens) * 1000.0 / (c.duration_ms - c.time_to_first_token_ms)
        ) FILTER (
            WHERE
            NOT c.warm_up
            AND c.duration_ms > c.time_to_first_token_ms
            AND c.output_tokens - c.reasoning_tokens >= :minimum_tokens
        ) AS output_tokens_per_second,
        percentile_cont(0.5) WITHIN GROUP (
            ORDER BY
                (c.duration_ms - c.time_to_first_token_ms)::double precision
                / (c.output_tokens - c.reasoning_tokens - 1)
        ) FILTER (
            WHERE
            NOT c.warm_up
            AND c.duration_ms > c.time_to_first_token_ms
            AND c.output_tokens - c.reasoning_tokens >= :minimum_tokens
        ) AS inter_token_ms,
        bool_or(c.simulated) AS simulated,
        max(c.finished_at) AS run_at
    FROM counted AS c
    INNER JOIN ranks AS r ON c.model_id = r.model_id
    GROUP BY c.model_id, r.duration_low, r.duration_high, r.first_low, r.first_high
),

speed_bounds AS (
    SELECT
        *,
        (error_rate + :z * :z / (2 * n)) / (1 + :z * :z / n) AS centre,
        :z * sqrt(error_rate * (1 - error_rate) / n + :z * :z / (4 * n * n)) / (1 + :z * :z / n) AS half_width
    FROM speed
)

UPDATE ai_models AS m
SET
    benchmark_results = m.benchmark_results || coalesce(r.benchmark_results, '{}'),
    performance_metrics = m.performance_metrics || jsonb_strip_nulls(
        jsonb_build_object(
            'duration_ms', round(s.duration_ms[1]::numeric, 1),
            'duration_interval_ms', to_jsonb(s.duration_interval_ms),
            'duration_p95_ms', round(s.duration_ms[2]::numeric, 1),
            'time_to_first_token_ms', round(s.time_to_first_token_ms[1]::numeric, 1),
            'time_to_first_token_interval_ms', to_jsonb(s.time_to_first_token_interval_ms),
            'time_to_first_token_p95_ms', round(s.time_to_first_token_ms[2]::numeric, 1),
            'inter_token_ms', round(s.inter_token_ms::numeric, 2),
            'output_tokens_per_second', round(s.output_tokens_per_second::numeric, 1),
            'error_rate', round(s.error_rate::numeric, 4),
            'error_rate_interval', jsonb_build_array(
                round(greatest(s.centre - s.half_width, 0)::numeric, 4),
                round(least(s.centre + s.half_width, 1)::numeric, 4)
            ),
            'n', s.n::integer,
            'simulated', s.simulated,
            'run_at', s.run_at
        )
    )
FROM speed_bounds AS s
LEFT JOIN results AS r ON s.model_id = r.model_id
WHERE m.id = s.model_id
RETURNING m.id::text AS model_id;
