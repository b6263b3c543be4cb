-- Grain: one model with results of the speed or cost suite in this run. Owner: benchmarks.
-- Reads: ai_benchmark_results. Writes: ai_models.performance_metrics, its keys speed and cost_per_1000_calls_usd.
-- Each case counts once per trial, with its latest result since a moment. Intervals are at 95 %: order statistics for
-- medians as in benchmark_publish.sql, Student's for mean costs (t holds its quantiles by degrees of freedom).
WITH touched AS (
    SELECT DISTINCT model_id
    FROM ai_benchmark_results
    WHERE run_id = :run_id AND source = 'platform' AND about <> 'accuracy'
),

recent AS (
    SELECT DISTINCT ON (r.model_id, r.suite, r.case_key, r.trial) r.*
    FROM ai_benchmark_results AS r
    INNER JOIN touched AS t ON r.model_id = t.model_id
    LEFT JOIN vendor_model_drifts AS d ON r.model_id = d.model_id
    WHERE
        r.source = 'platform'
        AND r.about <> 'accuracy'
        AND r.finished_at >= cast(:since AS timestamptz)
        AND r.finished_at >= coalesce(d.drifted_at, '-infinity')
        AND r.error_type IS DISTINCT FROM 'no_price'
    ORDER BY r.model_id ASC, r.suite ASC, r.case_key ASC, r.trial ASC, r.sequence DESC
),

latest_suite AS (
    SELECT DISTINCT ON (model_id, about)
        model_id,
        about,
        suite
    FROM recent
    ORDER BY model_id ASC, about ASC, sequence DESC
),

counted AS (
    SELECT r.*
    FROM recent AS r
    INNER JOIN latest_suite AS l ON r.model_id = l.model_id AND r.about = l.about AND r.suite = l.suite
),

kinds AS (
    SELECT
        model_id,
        about,
        bucket,
        concurrency,
        count(*) AS n,
        count(error_type) AS failed,
        count(*) FILTER (WHERE NOT warm_up AND duration_ms IS NOT NULL)::double precision AS timed,
        count(*) FILTER (WHERE NOT warm_up AND time_to_first_token_ms IS NOT NULL)::double precision
            AS streamed,
        count(cost_usd) AS priced,
        -- What came in a batch was paid at another price than a call that does not wait.
        avg(coalesce(standard_cost_usd, cost_usd)) * 1000 AS cost_usd,
        stddev_samp(coalesce(standard_cost_usd, cost_usd)) * 1000 AS cost_spread_usd,
        round(avg(input_tokens) FILTER (WHERE error_type IS NULL)) AS input_tokens,
        round(avg(output_tokens) FILTER (WHERE error_type IS NULL)) AS output_tokens,
        round(avg(cache_read_tokens) FILTER (WHERE error_type IS NULL)) AS cache_read_tokens,
        bool_or(simulated) AS simulated,
        max(finished_at) AS run_at
    FROM counted
    GROUP BY model_id, about, bucket, concurrency
),

ranks AS (
    SELECT
        *,
        greatest(floor(timed / 2 - :z * sqrt(timed) / 2), 1) / greatest(timed, 1) AS timed_low,
        least(ceil(timed / 2 + :z * sqrt(timed) / 2) + 1, timed) / greatest(timed, 1) AS timed_high,
        greatest(floor(streamed / 2 - :z * sqrt(streamed) / 2), 1) / greatest(streamed, 1) AS streamed_low,
        least(ceil(streamed / 2 + :z * sqrt(streamed) / 2) + 1, streamed) / greatest(streamed, 1)
            AS streamed_high
    FROM kinds
),

speeds AS (
    SELECT
        k.model_id,
        k.bucket,
        k.concurrency,
        jsonb_strip_nulls(
            jsonb_build_object(
                'n', k.n,
                'failed', k.failed,
                'duration_ms', round(
                    percentile_cont(0.5) WITHIN GROUP (ORDER BY c.duration_ms)::numeric, 1
                ),
                'duration_interval_ms', to_jsonb(
                    percentile_disc(ARRAY[k.timed_low, k.timed_high]) WITHIN GROUP (ORDER BY c.duration_ms)
                ),
                'time_to_first_token_ms', round(
                    percentile_cont(0.5) WITHIN GROUP (ORDER BY c.time_to_first_token_ms)::numeric, 1
                ),
                'time_to_first_token_interval_ms', to_jsonb(
                    percentile_disc(ARRAY[k.streamed_low, k.streamed_high])
                    WITHIN GROUP (ORDER BY c.time_to_first_token_ms)
                ),
                'output_tokens_per_second', round(
                    percentile_cont(0.5) WITHIN GROUP (
                        ORDER BY
                            (c.output_tokens - c.reasoning_tokens) * 1000.0
                            / nullif(c.duration_ms - c.time_to_first_token_ms, 0)
                    ) FILTER (WHERE c.output_tokens - c.reasoning_tokens >= :minimum_tokens)::numeric, 1
                ),
                'simulated', k.simulated,
                'run_at', k.run_at
            )
        ) AS found
    FROM ranks AS k
    INNER JOIN counted AS c
        ON
            k.model_id = c.model_id
            AND k.about = c.about
            AND k.bucket = c.bucket
            AND k.concurrency = c.concurrency
            AND NOT c.warm_up
    WHERE k.about = 'speed'
    GROUP BY
        k.model_id, k.bucket, k.concurrency, k.n, k.failed, k.timed_low, k.timed_high, k.streamed_low,
        k.streamed_high, k.simulated, k.run_at
),

speed_buckets AS (
    SELECT
        model_id,
        bucket,
        jsonb_object_agg(concurrency, found) AS levels
    FROM speeds
    GROUP BY model_id, bucket
),

speed AS (
    SELECT
        model_id,
        jsonb_object_agg(bucket, levels) AS speed
    FROM speed_buckets
    GROUP BY model_id
),

costs AS (
    SELECT
        k.model_id,
        jsonb_object_agg(
            k.bucket, jsonb_strip_nulls(
                jsonb_build_object(
                    'usd', round(k.cost_usd, 6),
                    'interval_usd', CASE
                        WHEN k.priced >= 2
                            THEN
                                jsonb_build_array(
                                    round(
                                        greatest(
                                            k.cost_usd - (cast(:t AS numeric[]))[least(k.priced - 1, 30)]
                                            * k.cost_spread_usd / sqrt(k.priced::numeric), 0
                                        ), 6
                                    ),
                                    round(
                                        k.cost_usd + (cast(:t AS numeric[]))[least(k.priced - 1, 30)]
                                        * k.cost_spread_usd / sqrt(k.priced::numeric), 6
                                    )
                                )
                    END,
                    'n', k.n,
                    'failed', k.failed,
                    'input_tokens', k.input_tokens,
                    'output_tokens', k.output_tokens,
                    'cache_read_tokens', k.cache_read_tokens,
                    'simulated', k.simulated,
                    'run_at', k.run_at
                )
            )
        ) AS costs
    FROM kinds AS k
    WHERE k.about = 'cost'
    GROUP BY k.model_id
)

UPDATE ai_models AS m
SET
    performance_metrics = m.performance_metrics || jsonb_strip_nulls(
        jsonb_build_object('speed', s.speed, 'cost_per_1000_calls_usd', c.costs)
    )
FROM touched AS t
LEFT JOIN speed AS s ON t.model_id = s.model_id
LEFT JOIN costs AS c ON t.model_id = c.model_id
WHERE m.id = t.model_id
RETURNING m.id::text AS model_id;
