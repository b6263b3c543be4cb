-- Grain: one model, and by :grain ('range', 'day', 'week', 'feature') one day, ISO week or feature of it, over the
-- days :since to :until, both included. Owner: analytics. Reads: ai_model_analytics, ai_models.
-- NULL for :feature_id or :model_ids means all of them. The percentiles are buckets of the merged latency histogram,
-- as modelscout.histogram_percentile finds them, but all three of all lines in one pass.
WITH scoped AS MATERIALIZED (
    SELECT
        dense_rank() OVER (ORDER BY g.model_id, g.starts_on, g.feature_group) AS line,
        g.*
    FROM (
        SELECT
            a.model_id,
            a.total_requests,
            a.success_count,
            a.duration_sum_ms,
            a.duration_count,
            a.latency_histogram,
            a.errors_by_type,
            a.total_cost,
            a.priced_requests,
            a.unpriced_requests,
            a.confidence_sum,
            a.confidence_count,
            a.outcome_score_sum,
            a.outcome_count,
            a.user_sketch,
            a.simulated,
            CASE :grain WHEN 'day' THEN a.date WHEN 'week' THEN date_trunc('week', a.date)::date END
                AS starts_on,
            CASE :grain WHEN 'feature' THEN a.feature_id END AS feature_group
        FROM ai_model_analytics AS a
        WHERE
            a.organization_id = cast(:organization_id AS uuid)
            AND a.date BETWEEN cast(:since AS date) AND cast(:until AS date)
            AND (cast(:feature_id AS text) IS NULL OR a.feature_id = :feature_id)
            AND (cast(:model_ids AS uuid[]) IS NULL OR a.model_id = any(cast(:model_ids AS uuid[])))
    ) AS g
),

buckets AS (
    SELECT
        s.line,
        b.bucket,
        sum(b.requests) AS requests
    FROM scoped AS s
    CROSS JOIN LATERAL modelscout.latency_buckets(s.latency_histogram) AS b
    GROUP BY s.line, b.bucket
),

ranked AS (
    SELECT
        b.line,
        b.bucket,
        sum(b.requests) OVER (PARTITION BY b.line ORDER BY b.bucket) AS up_to,
        sum(b.requests) OVER (PARTITION BY b.line) AS requests
    FROM buckets AS b
),

percentiles AS (
    SELECT
        r.line,
        min(r.bucket) FILTER (WHERE r.up_to >= 0.5 * r.requests) AS p50_bucket,
        min(r.bucket) FILTER (WHERE r.up_to >= 0.95 * r.requests) AS p95_bucket,
        min(r.bucket) FILTER (WHERE r.up_to >= 0.99 * r.requests) AS p99_bucket
    FROM ranked AS r
    WHERE r.up_to > 0
    GROUP BY r.line
),

merged AS (
    SELECT
        s.line,
        s.model_id,
        s.starts_on,
        s.feature_group AS feature_id,
        sum(s.total_requests)::bigint AS requests,
        sum(s.success_count)::bigint AS answers,
        sum(s.duration_sum_ms) / nullif(sum(s.duration_count), 0) AS mean_ms,
        modelscout.merge_counts(s.errors_by_type) AS errors_by_type,
        sum(s.total_cost) AS cost_usd,
        sum(s.priced_requests)::bigint AS priced_requests,
        sum(s.unpriced_requests)::bigint AS unpriced_requests,
        sum(s.confidence_sum) / nullif(sum(s.confidence_count), 0) AS confidence,
        sum(s.outcome_score_sum) / nullif(sum(s.outcome_count), 0) AS quality,
        sum(s.outcome_count)::bigint AS judged_answers,
        modelscout.distinct_users(modelscout.merge_user_sketches(s.user_sketch)) AS distinct_users,
        bool_or(s.simulated) AS simulated
    FROM scoped AS s
    GROUP BY s.line, s.model_id, s.starts_on, s.feature_group
)

SELECT
    m.provider || '/' || m.provider_model_id AS model,
    d.starts_on,
    d.feature_id,
    d.requests,
    d.answers,
    d.mean_ms,
    p.p50_bucket,
    p.p95_bucket,
    p.p99_bucket,
    d.errors_by_type,
    d.cost_usd,
    d.priced_requests,
    d.unpriced_requests,
    d.confidence,
    d.quality,
    d.judged_answers,
    d.distinct_users,
    d.simulated
FROM merged AS d
INNER JOIN ai_models AS m ON d.model_id = m.id
LEFT JOIN percentiles AS p ON d.line = p.line
ORDER BY d.starts_on ASC, d.feature_id ASC, d.requests DESC, model ASC;
