-- Grain: as usage_sums, with the model and what the calls cost together. Owner: analytics.
-- Reads: usage_sums, named_models, usage_prices. Writes: the temporary table priced_sums.
-- The rule of docs/prices.md: a call that failed before anything was counted costs nothing; without a price in force,
-- or with tokens of a kind that it does not price, the cost is unknown.
CREATE TEMPORARY TABLE priced_sums ON COMMIT DROP AS
SELECT
    s.*,
    m.model_id,
    s.error_type IS NOT NULL AND s.kinds & 63 = 0 AS is_free,
    CASE
        WHEN s.error_type IS NOT NULL AND s.kinds & 63 = 0 THEN 0
        -- Without a price in force even nothing has no known cost.
        WHEN p.price_id IS NOT NULL
            THEN modelscout.usage_cost(
                s.input_tokens, s.output_tokens, s.cache_read_tokens, s.cache_write_tokens,
                s.cache_write_1h_tokens, s.operations, s.image_count, p.input_usd, p.cache_read_usd,
                p.cache_write_usd, p.cache_write_1h_usd, p.output_usd, p.operation_usd, p.image_usd
            )
    END AS cost_usd,
    coalesce(p.estimated, FALSE) AS estimated
FROM usage_sums AS s
INNER JOIN named_models AS m
    ON
        s.organization_id = m.organization_id
        AND s.provider = m.provider
        AND s.requested_model = m.requested_model
LEFT JOIN usage_prices AS p
    ON
        s.organization_id = p.organization_id
        AND s.provider = p.provider
        AND s.requested_model = p.requested_model
        AND s.served_model = p.served_model
        AND s.processing = p.processing
        AND s.first_at >= p.valid_from
        AND s.last_at < p.valid_until
        AND s.least_input_tokens > p.more_than_input_tokens
        AND s.most_input_tokens <= p.up_to_input_tokens;
