-- Grain: one bucket of a stream's latency before and since a day. Owner: drift.
-- Reads: ai_model_analytics of the days that the stream has consumed.
SELECT
    y.day >= cast(:since AS date) AS is_since,
    b.bucket,
    sum(b.requests)::bigint AS requests
FROM model_drift_days AS y
INNER JOIN ai_model_analytics AS a
    ON
        y.organization_id = a.organization_id AND y.feature_id = a.feature_id AND y.model_id = a.model_id
        AND y.day = a.date
CROSS JOIN LATERAL modelscout.latency_buckets(a.latency_histogram) AS b
WHERE
    y.organization_id = cast(:organization_id AS uuid)
    AND y.feature_id = :feature_id
    AND y.model_id = cast(:model_id AS uuid)
GROUP BY is_since, b.bucket
ORDER BY is_since, b.bucket;
