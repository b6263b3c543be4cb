-- Grain: one model on one feature of an organization's own traffic, over the days after :since up to :until.
-- Owner: recommender. Reads: ai_model_analytics. The histogram's bucket i holds (1.02^(i-1), 1.02^i] ms.
WITH chosen AS (
    SELECT
        a.feature_id,
        a.model_id,
        a.date,
        a.outcome_score_sum,
        a.outcome_count,
        a.latency_histogram,
        a.simulated
    FROM ai_model_analytics AS a
    WHERE
        a.organization_id = cast(:organization_id AS uuid)
        AND a.date > cast(:since AS date)
        AND a.date <= cast(:until AS date)
),

buckets AS (
    SELECT
        c.feature_id,
        c.model_id,
        b.key AS bucket,
        sum(b.value::bigint) AS requests
    FROM chosen AS c
    CROSS JOIN LATERAL jsonb_each_text(c.latency_histogram) AS b
    GROUP BY c.feature_id, c.model_id, b.key
),

histograms AS (
    SELECT
        feature_id,
        model_id,
        jsonb_object_agg(bucket, requests) AS histogram
    FROM buckets
    GROUP BY feature_id, model_id
)

SELECT
    c.feature_id,
    c.model_id::text AS model_id,
    coalesce(sum(c.outcome_count), 0) AS n,
    sum(c.outcome_score_sum) AS score_sum,
    h.histogram,
    bool_or(c.simulated) AS simulated
FROM chosen AS c
LEFT JOIN histograms AS h ON c.feature_id = h.feature_id AND c.model_id = h.model_id
GROUP BY c.feature_id, c.model_id, h.histogram;
