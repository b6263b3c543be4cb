-- Grain: one adopted recommendation with traffic on the new model since the day of the switch. Owner: recommender.
-- Reads: recommendation_adoptions, ai_model_analytics. The median and its 90 % interval by order statistics: the ranks
-- n/2 -+ 1.645 sqrt(n)/2, read from the merged histograms (within 1 %).
WITH since AS (
    SELECT
        a.recommendation_id,
        sum(n.outcome_count) AS judged,
        sum(n.outcome_score_sum) AS score_sum,
        sum(n.duration_count) AS timed,
        modelscout.merge_counts(n.latency_histogram) AS latency_histogram
    FROM recommendation_adoptions AS a
    INNER JOIN ai_model_analytics AS n
        ON
            a.organization_id = n.organization_id
            AND a.feature_id = n.feature_id
            AND a.model_id = n.model_id
            AND (a.switched_at AT TIME ZONE 'UTC')::date < n.date
            AND (a.ended_at IS NULL OR (a.ended_at AT TIME ZONE 'UTC')::date > n.date)
    WHERE
        a.recommendation_id = any(cast(:recommendation_ids AS uuid[]))
        AND n.date < cast(:today AS date)
        AND n.date <= (a.switched_at AT TIME ZONE 'UTC')::date + cast(:review_days AS integer)
    GROUP BY a.recommendation_id
)

SELECT
    s.recommendation_id::text AS recommendation_id,
    s.judged,
    s.score_sum,
    modelscout.histogram_percentile(s.latency_histogram, 0.5) AS median_ms,
    modelscout.histogram_percentile(
        s.latency_histogram, greatest(0.5 - 0.8225 / sqrt(s.timed::double precision), 0)
    )
        AS median_low_ms,
    modelscout.histogram_percentile(
        s.latency_histogram, least(0.5 + 0.8225 / sqrt(s.timed::double precision), 1)
    )
        AS median_high_ms
FROM (
    SELECT
        n.recommendation_id,
        n.judged,
        n.score_sum,
        nullif(n.timed, 0) AS timed,
        n.latency_histogram
    FROM since AS n
) AS s;
