-- Grain: one model, organization, feature and day. Owner: analytics. Reads: priced_events.
-- Writes: ai_model_analytics, whole days at a time, so that running it again gives the same rows.
-- Latency bucket i holds (1.02^(i-1), 1.02^i] ms: its middle is within 1 % of every value in it.
-- user_sketch: the 256 smallest hashes of the day's users, from which distinct users of any range follow.
WITH keyed AS (
    SELECT
        p.*,
        CASE
            WHEN p.duration_ms IS NULL THEN NULL ELSE ceil(ln(greatest(p.duration_ms, 1)) / ln(1.02))::integer
        END
            AS latency_bucket
    FROM priced_events AS p
),

histograms AS (
    SELECT
        b.model_id,
        b.organization_id,
        b.feature_id,
        b.day,
        jsonb_object_agg(b.latency_bucket, b.requests) AS latency_histogram
    FROM (
        SELECT
            model_id,
            organization_id,
            feature_id,
            day,
            latency_bucket,
            count(*) AS requests
        FROM keyed
        WHERE latency_bucket IS NOT NULL
        GROUP BY model_id, organization_id, feature_id, day, latency_bucket
    ) AS b
    GROUP BY b.model_id, b.organization_id, b.feature_id, b.day
),

errors AS (
    SELECT
        t.model_id,
        t.organization_id,
        t.feature_id,
        t.day,
        jsonb_object_agg(t.error_type, t.requests) AS errors_by_type
    FROM (
        SELECT
            model_id,
            organization_id,
            feature_id,
            day,
            error_type,
            count(*) AS requests
        FROM keyed
        WHERE error_type IS NOT NULL
        GROUP BY model_id, organization_id, feature_id, day, error_type
    ) AS t
    GROUP BY t.model_id, t.organization_id, t.feature_id, t.day
),

users AS (
    SELECT
        h.model_id,
        h.organization_id,
        h.feature_id,
        h.day,
        array_agg(h.user_number ORDER BY h.user_number) AS user_sketch
    FROM (
        SELECT
            u.*,
            row_number() OVER (
                PARTITION BY u.model_id, u.organization_id, u.feature_id, u.day ORDER BY u.user_number
            ) AS position
        FROM (
            SELECT DISTINCT
                model_id,
                organization_id,
                feature_id,
                day,
                hashtextextended(user_hash, 0) AS user_number
            FROM keyed
            WHERE user_hash IS NOT NULL
        ) AS u
    ) AS h
    WHERE h.position <= 256
    GROUP BY h.model_id, h.organization_id, h.feature_id, h.day
),

sums AS (
    SELECT
        k.model_id,
        k.organization_id,
        k.feature_id,
        k.day,
        count(*) AS total_requests,
        count(*) FILTER (WHERE k.error_type IS NULL) AS success_count,
        count(*) FILTER (WHERE k.error_type IS NOT NULL) AS error_count,
        coalesce(sum(k.duration_ms), 0) AS duration_sum_ms,
        count(k.duration_ms) AS duration_count,
        coalesce(sum(k.confidence), 0) AS confidence_sum,
        count(k.confidence) AS confidence_count,
        coalesce(sum(k.outcome_score), 0) AS outcome_score_sum,
        count(k.outcome_score) AS outcome_count,
        sum(k.input_tokens) AS input_tokens,
        sum(k.output_tokens) AS output_tokens,
        sum(k.cache_read_tokens) AS cache_read_tokens,
        sum(k.cache_write_tokens) AS cache_write_tokens,
        sum(k.cache_write_1h_tokens) AS cache_write_1h_tokens,
        sum(k.reasoning_tokens) AS reasoning_tokens,
        sum(k.image_tokens) AS image_tokens,
        sum(k.image_count) AS image_count,
        sum(k.operations) AS operations,
        sum(k.cost_usd) AS total_cost,
        count(k.cost_usd) AS priced_requests,
        count(*) - count(k.cost_usd) AS unpriced_requests,
        count(*) FILTER (WHERE k.estimated AND k.cost_usd IS NOT NULL) AS estimated_requests,
        bool_or(k.simulated) AS simulated
    FROM keyed AS k
    GROUP BY k.model_id, k.organization_id, k.feature_id, k.day
)

INSERT INTO ai_model_analytics AS a (
    id, model_id, organization_id, feature_id, date, created_at,
    success_rate, avg_response_time, avg_confidence, total_requests, total_cost,
    success_count, error_count, errors_by_type, duration_sum_ms, duration_count, latency_histogram,
    confidence_sum, confidence_count, outcome_score_sum, outcome_count,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens,
    reasoning_tokens, image_tokens, image_count, operations,
    priced_requests, unpriced_requests, estimated_requests, user_sketch, simulated
)
SELECT
    md5(concat_ws('/', s.model_id, s.organization_id, s.feature_id, s.day))::uuid,
    s.model_id,
    s.organization_id,
    s.feature_id,
    s.day,
    :now,
    s.success_count::numeric / s.total_requests,
    s.duration_sum_ms / nullif(s.duration_count, 0),
    s.confidence_sum / nullif(s.confidence_count, 0),
    s.total_requests,
    s.total_cost,
    s.success_count,
    s.error_count,
    coalesce(e.errors_by_type, '{}'),
    s.duration_sum_ms,
    s.duration_count,
    coalesce(h.latency_histogram, '{}'),
    s.confidence_sum,
    s.confidence_count,
    s.outcome_score_sum,
    s.outcome_count,
    s.input_tokens,
    s.output_tokens,
    s.cache_read_tokens,
    s.cache_write_tokens,
    s.cache_write_1h_tokens,
    s.reasoning_tokens,
    s.image_tokens,
    s.image_count,
    s.operations,
    s.priced_requests,
    s.unpriced_requests,
    s.estimated_requests,
    coalesce(u.user_sketch, '{}'),
    s.simulated
FROM sums AS s
LEFT JOIN histograms AS h
    ON
        s.model_id = h.model_id AND s.organization_id = h.organization_id
        AND s.feature_id = h.feature_id AND s.day = h.day
LEFT JOIN errors AS e
    ON
        s.model_id = e.model_id AND s.organization_id = e.organization_id
        AND s.feature_id = e.feature_id AND s.day = e.day
LEFT JOIN users AS u
    ON
        s.model_id = u.model_id AND s.organization_id = u.organization_id
        AND s.feature_id = u.feature_id AND s.day = u.day
ON CONFLICT ON CONSTRAINT ai_model_analytics_key DO UPDATE SET
    success_rate = excluded.success_rate,
    avg_response_time = excluded.avg_response_time,
    avg_confidence = excluded.avg_confidence,
    total_requests = excluded.total_requests,
    total_cost = excluded.total_cost,
    success_count = excluded.success_count,
    error_count = excluded.error_count,
    errors_by_type = excluded.errors_by_type,
    duration_sum_ms = excluded.duration_sum_ms,
    duration_count = excluded.duration_count,
    latency_histogram = excluded.latency_histogram,
    confidence_sum = excluded.confidence_sum,
    confidence_count = excluded.confidence_count,
    outcome_score_sum = excluded.outcome_score_sum,
    outcome_count = excluded.outcome_count,
    input_tokens = excluded.input_tokens,
    output_tokens = excluded.output_tokens,
    cache_read_tokens = excluded.cache_read_tokens,
    cache_write_tokens = excluded.cache_write_tokens,
    cache_write_1h_tokens = excluded.cache_write_1h_tokens,
    reasoning_tokens = excluded.reasoning_tokens,
    image_tokens = excluded.image_tokens,
    image_count = excluded.image_count,
    operations = excluded.operations,
    priced_requests = excluded.priced_requests,
    unpriced_requests = excluded.unpriced_requests,
    estimated_requests = excluded.estimated_requests,
    user_sketch = excluded.user_sketch,
    simulated = excluded.simulated;
