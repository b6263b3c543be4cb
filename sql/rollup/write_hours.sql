-- Grain: one model, organization, feature and hour. Owner: analytics. Reads: priced_sums, hour_sketches, hour_scores.
-- Writes: ai_model_analytics_hourly, whole hours that delete_hours has emptied.
WITH errors AS (
    SELECT
        t.organization_id,
        t.hour,
        t.feature_id,
        t.model_id,
        jsonb_object_agg(t.error_type, t.requests) AS errors_by_type
    FROM (
        SELECT
            s.organization_id,
            s.hour,
            s.feature_id,
            s.model_id,
            s.error_type,
            sum(s.requests) AS requests
        FROM priced_sums AS s
        WHERE s.error_type IS NOT NULL
        GROUP BY s.organization_id, s.hour, s.feature_id, s.model_id, s.error_type
    ) AS t
    GROUP BY t.organization_id, t.hour, t.feature_id, t.model_id
),

sums AS (
    SELECT
        s.organization_id,
        s.hour,
        s.feature_id,
        s.model_id,
        sum(s.requests) AS total_requests,
        coalesce(sum(s.requests) FILTER (WHERE s.error_type IS NULL), 0) AS success_count,
        coalesce(sum(s.requests) FILTER (WHERE s.error_type IS NOT NULL), 0) AS error_count,
        sum(s.duration_sum_ms) AS duration_sum_ms,
        sum(s.duration_count) AS duration_count,
        sum(s.confidence_sum) AS confidence_sum,
        sum(s.confidence_count) AS confidence_count,
        sum(s.input_tokens) AS input_tokens,
        sum(s.output_tokens) AS output_tokens,
        sum(s.cache_read_tokens) AS cache_read_tokens,
        sum(s.cache_write_tokens) AS cache_write_tokens,
        sum(s.cache_write_1h_tokens) AS cache_write_1h_tokens,
        sum(s.reasoning_tokens) AS reasoning_tokens,
        sum(s.image_tokens) AS image_tokens,
        sum(s.image_count) AS image_count,
        sum(s.operations) AS operations,
        sum(s.cost_usd) AS total_cost,
        coalesce(sum(s.requests) FILTER (WHERE s.cost_usd IS NOT NULL), 0) AS priced_requests,
        coalesce(sum(s.requests) FILTER (WHERE s.cost_usd IS NULL), 0) AS unpriced_requests,
        coalesce(sum(s.requests) FILTER (WHERE s.estimated AND s.cost_usd IS NOT NULL AND NOT s.is_free), 0)
            AS estimated_requests,
        bool_or(s.simulated) AS simulated
    FROM priced_sums AS s
    GROUP BY s.organization_id, s.hour, s.feature_id, s.model_id
)

INSERT INTO ai_model_analytics_hourly (
    organization_id, hour, feature_id, model_id, total_requests, success_count, error_count, errors_by_type,
    duration_sum_ms, duration_count, latency_histogram, confidence_sum, confidence_count, outcome_score_sum,
    outcome_count, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens,
    reasoning_tokens, image_tokens, image_count, operations, total_cost, priced_requests, unpriced_requests,
    estimated_requests, user_sketch, simulated, rolled_up_at
)
SELECT
    s.organization_id,
    s.hour,
    s.feature_id,
    s.model_id,
    s.total_requests,
    s.success_count,
    s.error_count,
    coalesce(e.errors_by_type, '{}'),
    s.duration_sum_ms,
    s.duration_count,
    coalesce(k.latency_histogram, '{}'),
    s.confidence_sum,
    s.confidence_count,
    coalesce(o.outcome_score_sum, 0),
    coalesce(o.outcome_count, 0),
    s.input_tokens,
    s.output_tokens,
    s.cache_read_tokens,
    s.cache_write_tokens,
    s.cache_write_1h_tokens,
    s.reasoning_tokens,
    s.image_tokens,
    s.image_count,
    s.operations,
    s.total_cost,
    s.priced_requests,
    s.unpriced_requests,
    s.estimated_requests,
    coalesce(k.user_sketch, '{}'),
    s.simulated,
    :now
FROM sums AS s
LEFT JOIN errors AS e
    ON
        s.organization_id = e.organization_id AND s.hour = e.hour
        AND s.feature_id = e.feature_id AND s.model_id = e.model_id
LEFT JOIN hour_sketches AS k
    ON
        s.organization_id = k.organization_id AND s.hour = k.hour
        AND s.feature_id = k.feature_id AND s.model_id = k.model_id
LEFT JOIN hour_scores AS o
    ON
        s.organization_id = o.organization_id AND s.hour = o.hour
        AND s.feature_id = o.feature_id AND s.model_id = o.model_id;
