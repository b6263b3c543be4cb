-- Grain: one step of time (:step 'hour', 'day' or 'week') and one part (:split 'none', 'model' or 'feature'), and with
-- starts_at NULL the whole range, of one organization over the days :since to :until, both included. The :most parts
-- with most requests stand alone, the others are one part, whose is_rest is true. Owner: analytics.
-- Reads: ai_model_analytics, for hours ai_model_analytics_hourly; ai_models. NULL for :feature_id or :model_ids means
-- all of them. Percentiles are buckets of the merged latency histograms.
WITH sources AS MATERIALIZED (
    SELECT
        CASE :step
            WHEN 'week' THEN date_trunc('week', a.date::timestamp) ELSE a.date::timestamp
        END AS starts_at,
        CASE :split
            WHEN 'model' THEN a.model_id::text WHEN 'feature' THEN coalesce(a.feature_id, '')
        END AS part,
        a.total_requests,
        a.success_count,
        a.latency_histogram,
        a.errors_by_type,
        a.total_cost,
        a.priced_requests,
        a.unpriced_requests,
        a.simulated
    FROM ai_model_analytics AS a
    WHERE
        :step <> 'hour'
        AND a.organization_id = cast(:organization_id AS uuid)
        AND a.date BETWEEN cast(:since AS date) AND cast(:until AS date)
        AND (cast(:feature_id AS text) IS NULL OR a.feature_id = :feature_id)
        AND (cast(:model_ids AS uuid[]) IS NULL OR a.model_id = any(cast(:model_ids AS uuid[])))
    UNION ALL
    SELECT
        h.hour AT TIME ZONE 'UTC' AS starts_at,
        CASE :split WHEN 'model' THEN h.model_id::text WHEN 'feature' THEN h.feature_id END AS part,
        h.total_requests,
        h.success_count,
        h.latency_histogram,
        h.errors_by_type,
        h.total_cost,
        h.priced_requests,
        h.unpriced_requests,
        h.simulated
    FROM ai_model_analytics_hourly AS h
    WHERE
        :step = 'hour'
        AND h.organization_id = cast(:organization_id AS uuid)
        AND h.hour >= cast(:since AS date)::timestamp AT TIME ZONE 'UTC'
        AND h.hour < (cast(:until AS date) + 1)::timestamp AT TIME ZONE 'UTC'
        AND (cast(:feature_id AS text) IS NULL OR h.feature_id = :feature_id)
        AND (cast(:model_ids AS uuid[]) IS NULL OR h.model_id = any(cast(:model_ids AS uuid[])))
),

largest AS (
    SELECT s.part
    FROM sources AS s
    WHERE s.part IS NOT NULL
    GROUP BY s.part
    ORDER BY sum(s.total_requests) DESC, s.part ASC
    LIMIT :most
),

scoped AS MATERIALIZED (
    SELECT
        dense_rank() OVER (ORDER BY s.starts_at, l.part) AS line,
        l.part AS shown_part,
        s.part IS NOT NULL AND l.part IS NULL AS is_rest,
        s.*
    FROM sources AS s
    LEFT JOIN largest AS l ON s.part = l.part
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

-- Line 0 is the whole range.
all_buckets AS (
    SELECT
        b.line,
        b.bucket,
        b.requests
    FROM buckets AS b
    UNION ALL
    SELECT
        0 AS line,
        b.bucket,
        sum(b.requests) AS requests
    FROM buckets AS b
    GROUP BY b.bucket
),

ranked AS (
    SELECT
        b.line,
        b.bucket,
        sum(b.requests) OVER (PARTITION BY b.line ORDER BY b.bucket) AS up_to,
        sum(b.requests) OVER (PARTITION BY b.line) AS requests
    FROM all_buckets AS b
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
        s.starts_at,
        s.shown_part,
        bool_or(s.is_rest) AS is_rest,
        sum(s.total_requests)::bigint AS requests,
        sum(s.success_count)::bigint AS answers,
        sum(s.total_cost) AS cost_usd,
        sum(s.priced_requests)::bigint AS priced_requests,
        sum(s.unpriced_requests)::bigint AS unpriced_requests,
        bool_or(s.simulated) AS simulated
    FROM scoped AS s
    GROUP BY s.line, s.starts_at, s.shown_part
    UNION ALL
    SELECT
        0 AS line,
        NULL AS starts_at,
        NULL AS shown_part,
        FALSE AS is_rest,
        sum(s.total_requests)::bigint AS requests,
        sum(s.success_count)::bigint AS answers,
        sum(s.total_cost) AS cost_usd,
        sum(s.priced_requests)::bigint AS priced_requests,
        sum(s.unpriced_requests)::bigint AS unpriced_requests,
        bool_or(s.simulated) AS simulated
    FROM scoped AS s
    HAVING count(*) > 0
)

SELECT
    d.starts_at AT TIME ZONE 'UTC' AS starts_at,
    d.is_rest,
    d.requests,
    d.answers,
    d.cost_usd,
    d.priced_requests,
    d.unpriced_requests,
    d.simulated,
    p.p50_bucket,
    p.p95_bucket,
    p.p99_bucket,
    coalesce(m.provider || '/' || m.provider_model_id, d.shown_part) AS part,
    -- Errors by type are of the whole range only.
    CASE
        WHEN d.line = 0 THEN (SELECT modelscout.merge_counts(s.errors_by_type) FROM scoped AS s)
    END AS errors_by_type
FROM merged AS d
LEFT JOIN percentiles AS p ON d.line = p.line
LEFT JOIN ai_models AS m ON :split = 'model' AND d.shown_part = m.id::text
ORDER BY d.starts_at ASC NULLS FIRST, d.is_rest ASC, part ASC;
