-- Grain: calls of one organization, hour, feature and kind of call that every price treats alike. Owner: analytics.
-- Reads: changed_events. Writes: the temporary table usage_sums.
-- Alike: the same kinds of tokens occur (kinds, see ai_usage_priced_sums), no price begins between them inside the
-- hour, and no tier of any price begins between their input tokens. What they cost together is then the price of their
-- sums, to the last digit: nothing is rounded, docs/analytics.md.
CREATE TEMPORARY TABLE usage_sums ON COMMIT DROP AS
SELECT
    e.organization_id,
    e.hour,
    e.feature_id,
    e.provider,
    e.requested_model,
    coalesce(e.served_model, '') AS served_model,
    e.processing,
    e.error_type,
    e.price_part,
    e.input_tier,
    (
        (e.input_tokens > e.cache_read_tokens + e.cache_write_tokens)::integer
        + (e.output_tokens > 0)::integer * 2
        + CASE
            WHEN e.cache_read_tokens | e.cache_write_tokens | e.operations | e.image_count = 0 THEN 0
            ELSE
                (e.cache_read_tokens > 0)::integer * 4
                + (e.cache_write_tokens > e.cache_write_1h_tokens)::integer * 8
                + (e.cache_write_1h_tokens > 0)::integer * 16
                + (e.operations > 0)::integer * 32
                + (e.image_count > 0)::integer * 64
        END
    )::smallint AS kinds,
    min(e.occurred_at) AS first_at,
    max(e.occurred_at) AS last_at,
    min(e.input_tokens) AS least_input_tokens,
    max(e.input_tokens) AS most_input_tokens,
    count(*) AS requests,
    modelscout.sum_bigint(e.input_tokens) AS input_tokens,
    modelscout.sum_bigint(e.output_tokens) AS output_tokens,
    modelscout.sum_bigint(e.cache_read_tokens) AS cache_read_tokens,
    modelscout.sum_bigint(e.cache_write_tokens) AS cache_write_tokens,
    modelscout.sum_bigint(e.cache_write_1h_tokens) AS cache_write_1h_tokens,
    modelscout.sum_bigint(e.reasoning_tokens) AS reasoning_tokens,
    modelscout.sum_bigint(e.image_tokens) AS image_tokens,
    sum(e.image_count) AS image_count,
    sum(e.operations) AS operations,
    coalesce(sum(e.duration_ms), 0) AS duration_sum_ms,
    count(e.duration_ms) AS duration_count,
    coalesce(sum(e.confidence), 0) AS confidence_sum,
    count(e.confidence) AS confidence_count,
    bool_or(e.simulated) AS simulated
FROM changed_events AS e
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11;
