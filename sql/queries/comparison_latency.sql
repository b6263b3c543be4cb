-- Grain: one bucket of the latency histogram of one model in one organization's own traffic. Owner: analytics.
-- Reads: ai_model_analytics. Bucket i holds (1.02^(i-1), 1.02^i] ms.
SELECT
    a.model_id::text AS id,
    b.key::integer AS bucket,
    sum(b.value::bigint)::bigint AS requests
FROM ai_model_analytics AS a
CROSS JOIN LATERAL jsonb_each_text(a.latency_histogram) AS b
WHERE
    a.organization_id = cast(:organization_id AS uuid)
    AND a.date > cast(:since AS date)
    AND a.date <= cast(:until AS date)
    AND a.model_id = any(cast(:model_ids AS uuid[]))
GROUP BY a.model_id, b.key
ORDER BY id, bucket;
