-- Grain: one stream that has its first requests. Owner: drift. Reads: ai_model_analytics, ai_models,
-- ai_model_prices. Writes: model_drift_state.latency_thresholds and unit_prices.
-- Thresholds split the requests of its first days, :minimum_requests or more, into equal shares. The unit prices are
-- those of today for a request of the size usual then.
WITH first_days AS (
    SELECT
        s.organization_id,
        s.feature_id,
        s.model_id,
        a.latency_histogram,
        a.input_tokens,
        a.success_count,
        sum(a.total_requests) OVER stream AS total,
        sum(a.total_requests) OVER (stream ORDER BY a.date) - a.total_requests AS earlier
    FROM model_drift_state AS s
    INNER JOIN ai_model_analytics AS a
        ON s.organization_id = a.organization_id AND s.feature_id = a.feature_id AND s.model_id = a.model_id
    WHERE
        s.latency_thresholds IS NULL
        AND a.date >= s.reference_from
        AND a.date < cast(:today AS date)
    WINDOW stream AS (PARTITION BY s.organization_id, s.feature_id, s.model_id)
),

opening AS (
    SELECT *
    FROM first_days
    WHERE total >= :minimum_requests AND earlier < :minimum_requests
),

shares AS (
    SELECT
        b.*,
        sum(b.requests) OVER (stream ORDER BY b.bucket) / sum(b.requests) OVER stream AS share
    FROM (
        SELECT
            o.organization_id,
            o.feature_id,
            o.model_id,
            h.bucket,
            sum(h.requests) AS requests
        FROM opening AS o
        CROSS JOIN LATERAL modelscout.latency_buckets(o.latency_histogram) AS h
        GROUP BY o.organization_id, o.feature_id, o.model_id, h.bucket
    ) AS b
    WINDOW stream AS (PARTITION BY b.organization_id, b.feature_id, b.model_id)
),

thresholds AS (
    SELECT
        t.organization_id,
        t.feature_id,
        t.model_id,
        array_agg(t.bucket ORDER BY t.bucket) AS buckets
    FROM (
        SELECT
            s.organization_id,
            s.feature_id,
            s.model_id,
            g.step,
            min(s.bucket) AS bucket
        FROM shares AS s
        CROSS JOIN generate_series(1, :thresholds) AS g (step)
        WHERE s.share >= g.step / (:thresholds + 1.0)
        GROUP BY s.organization_id, s.feature_id, s.model_id, g.step
    ) AS t
    GROUP BY t.organization_id, t.feature_id, t.model_id
),

sizes AS (
    SELECT
        o.organization_id,
        o.feature_id,
        o.model_id,
        sum(o.input_tokens) / nullif(sum(o.success_count), 0) AS input_tokens
    FROM opening AS o
    GROUP BY o.organization_id, o.feature_id, o.model_id
),

prices AS (
    SELECT
        z.organization_id,
        z.feature_id,
        z.model_id,
        ARRAY[
            p.input_usd, p.cache_read_usd, p.cache_write_usd, p.cache_write_1h_usd, p.output_usd,
            p.operation_usd, p.image_usd
        ] AS unit_prices
    FROM sizes AS z
    INNER JOIN ai_models AS m ON z.model_id = m.id
    LEFT JOIN
        LATERAL modelscout.price_periods(z.organization_id, m.provider, m.provider_model_id, 'standard')
            AS p
        ON
            p.valid_from <= :now AND p.valid_until > :now
            AND z.input_tokens > p.more_than_input_tokens AND z.input_tokens <= p.up_to_input_tokens
)

UPDATE model_drift_state AS s
SET
    latency_thresholds = coalesce(t.buckets, '{}'),
    unit_prices = p.unit_prices
FROM prices AS p
LEFT JOIN thresholds AS t
    ON p.organization_id = t.organization_id AND p.feature_id = t.feature_id AND p.model_id = t.model_id
WHERE
    s.organization_id = p.organization_id
    AND s.feature_id = p.feature_id
    AND s.model_id = p.model_id;
