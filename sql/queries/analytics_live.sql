-- Grain: one minute after :since up to :until (at most an hour) of one organization, and with minute NULL all of them.
-- Owner: analytics. Reads: ai_usage_events, through the index of (organization_id, occurred_at) in the day's partitions.
-- One pass over the hour's calls: whatever is shown comes out of the groups. Percentiles are buckets of latency.
WITH grouped AS MATERIALIZED (
    SELECT
        date_trunc('minute', e.occurred_at) AS minute,
        e.error_type,
        CASE WHEN e.duration_ms IS NOT NULL THEN modelscout.latency_bucket(e.duration_ms) END AS bucket,
        count(*) AS requests,
        sum(e.input_tokens) AS input_tokens,
        sum(e.output_tokens) AS output_tokens,
        bool_or(e.simulated) AS simulated,
        max(e.occurred_at) AS latest_at
    FROM ai_usage_events AS e
    WHERE
        e.organization_id = cast(:organization_id AS uuid)
        AND e.occurred_at > cast(:since AS timestamptz)
        AND e.occurred_at <= cast(:until AS timestamptz)
    GROUP BY 1, 2, 3
),

buckets AS (
    SELECT
        g.minute,
        g.bucket,
        sum(g.requests) AS requests
    FROM grouped AS g
    WHERE g.bucket IS NOT NULL
    GROUP BY GROUPING SETS ((g.minute, g.bucket), (g.bucket))
),

ranked AS (
    SELECT
        b.minute,
        b.bucket,
        sum(b.requests) OVER (PARTITION BY b.minute ORDER BY b.bucket) AS up_to,
        sum(b.requests) OVER (PARTITION BY b.minute) AS requests
    FROM buckets AS b
),

percentiles AS (
    SELECT
        r.minute,
        min(r.bucket) FILTER (WHERE r.up_to >= 0.5 * r.requests) AS p50_bucket,
        min(r.bucket) FILTER (WHERE r.up_to >= 0.95 * r.requests) AS p95_bucket,
        min(r.bucket) FILTER (WHERE r.up_to >= 0.99 * r.requests) AS p99_bucket
    FROM ranked AS r
    GROUP BY r.minute
),

counted AS (
    SELECT
        g.minute,
        sum(g.requests)::bigint AS requests,
        coalesce(sum(g.requests) FILTER (WHERE g.error_type IS NULL), 0)::bigint AS answers,
        sum(g.input_tokens)::bigint AS input_tokens,
        sum(g.output_tokens)::bigint AS output_tokens,
        bool_or(g.simulated) AS simulated,
        max(g.latest_at) AS latest_at
    FROM grouped AS g
    GROUP BY GROUPING SETS ((g.minute), ())
)

SELECT
    c.minute,
    c.requests,
    c.answers,
    c.input_tokens,
    c.output_tokens,
    c.simulated,
    c.latest_at,
    p.p50_bucket,
    p.p95_bucket,
    p.p99_bucket,
    CASE
        WHEN c.minute IS NULL
            THEN (
                SELECT coalesce(jsonb_object_agg(t.error_type, t.requests), '{}')
                FROM (
                    SELECT
                        g.error_type,
                        sum(g.requests) AS requests
                    FROM grouped AS g
                    WHERE g.error_type IS NOT NULL
                    GROUP BY g.error_type
                ) AS t
            )
    END AS errors_by_type
FROM counted AS c
LEFT JOIN percentiles AS p ON c.minute IS NOT DISTINCT FROM p.minute
WHERE c.requests > 0
ORDER BY c.minute ASC NULLS FIRST;
