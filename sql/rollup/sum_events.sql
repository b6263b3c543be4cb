-- Grain: calls of one organization, hour, feature and kind of call that every price treats alike. Owner: analytics.
-- Reads: ai_usage_events, changed_runs, ai_model_prices. Writes: the temporary table usage_sums.
-- Alike: the same kinds of tokens occur (kinds, see ai_usage_priced_sums), no price begins between them inside the
-- hour (price_part), and no tier of any price begins between their input tokens (input_tier). What they cost together
-- is then the price of their sums, to the last digit: nothing is rounded, docs/analytics.md.
CREATE TEMPORARY TABLE usage_sums ON COMMIT DROP AS
WITH begins AS (
    SELECT coalesce(array_agg(DISTINCT p.valid_from ORDER BY p.valid_from), '{}') AS moments
    FROM ai_model_prices AS p
    WHERE
        p.superseded_at IS NULL
        AND p.valid_from > :runs_from_at
        AND p.valid_from < :runs_until_at
        AND p.valid_from <> modelscout.hour_of(p.valid_from)
),

tiers AS (
    SELECT coalesce(array_agg(DISTINCT x.first_count ORDER BY x.first_count), '{}') AS counts
    FROM (
        SELECT p.above_input_tokens + 1 AS first_count
        FROM ai_model_prices AS p
        WHERE p.superseded_at IS NULL AND p.above_input_tokens > 0
    ) AS x
)

SELECT
    e.organization_id,
    modelscout.hour_of(e.occurred_at) AS hour,
    e.feature_id,
    e.provider,
    e.requested_model,
    coalesce(e.served_model, '') AS served_model,
    e.processing,
    e.error_type,
    width_bucket(e.occurred_at, (SELECT b.moments FROM begins AS b)) AS price_part,
    width_bucket(e.input_tokens, (SELECT t.counts FROM tiers AS t)) AS input_tier,
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
FROM changed_runs AS r
INNER JOIN ai_usage_events AS e
    ON
        r.organization_id = e.organization_id
        AND r.from_at <= e.occurred_at
        AND r.until_at > e.occurred_at
WHERE e.occurred_at >= :runs_from_at AND e.occurred_at < :runs_until_at
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11;
