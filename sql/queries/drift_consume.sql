-- Grain: one due stream and day that is over. Owner: drift. Reads: drift_due, drift_served, ai_model_analytics.
-- Writes: model_drift_days, once and for good. Outcomes of days from :settled_before on are still coming in.
-- slowness_sum: sum over the requests of the share of the stream's latency thresholds that each exceeds.
-- cost_usd: at the stream's constant prices; where they or the counts leave it unknown, or it is nothing, no
-- answer is priced.
INSERT INTO model_drift_days (
    organization_id, feature_id, model_id, day, requests, successes, judged, score_sum, timed, slowness_sum,
    priced, cost_usd, input_tokens, served_model, simulated
)
SELECT
    d.organization_id,
    d.feature_id,
    d.model_id,
    a.date,
    a.total_requests,
    a.success_count,
    CASE WHEN a.date < cast(:settled_before AS date) THEN a.outcome_count END,
    CASE WHEN a.date < cast(:settled_before AS date) THEN a.outcome_score_sum END,
    CASE WHEN cardinality(d.latency_thresholds) > 0 THEN coalesce(h.timed, 0) ELSE 0 END,
    CASE WHEN cardinality(d.latency_thresholds) > 0 THEN coalesce(h.slowness_sum, 0) ELSE 0 END,
    CASE WHEN c.cost_usd > 0 THEN a.success_count ELSE 0 END,
    CASE WHEN c.cost_usd > 0 AND a.success_count > 0 THEN c.cost_usd ELSE 0 END,
    a.input_tokens,
    v.served_model,
    a.simulated
FROM drift_due AS d
INNER JOIN ai_model_analytics AS a
    ON d.organization_id = a.organization_id AND d.feature_id = a.feature_id AND d.model_id = a.model_id
LEFT JOIN drift_served AS v
    ON
        d.organization_id = v.organization_id AND d.feature_id = v.feature_id AND d.model_id = v.model_id
        AND a.date = v.day
LEFT JOIN LATERAL (
    SELECT
        sum(b.requests) AS timed,
        sum(b.requests * width_bucket(b.bucket - 1, d.latency_thresholds))
        / cardinality(d.latency_thresholds)::numeric AS slowness_sum
    FROM modelscout.latency_buckets(a.latency_histogram) AS b
    WHERE cardinality(d.latency_thresholds) > 0
) AS h ON TRUE
CROSS JOIN
    LATERAL modelscout.usage_cost(
        a.input_tokens, a.output_tokens, a.cache_read_tokens, a.cache_write_tokens, a.cache_write_1h_tokens,
        a.operations, a.image_count, d.unit_prices[1], d.unit_prices[2], d.unit_prices[3], d.unit_prices[4],
        d.unit_prices[5], d.unit_prices[6], d.unit_prices[7]
    ) AS c (cost_usd)
WHERE
    a.date > d.consumed_until
    AND a.date < cast(:today AS date)
ON CONFLICT (organization_id, feature_id, model_id, day) DO NOTHING;
