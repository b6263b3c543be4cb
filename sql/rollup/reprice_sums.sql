-- Grain: one row of ai_usage_priced_sums of the changed hours. Owner: analytics. Reads: changed_hours, usage_prices.
-- Writes: ai_usage_priced_sums. Calls that one price holds for get it; where none holds for any of them the cost is
-- unknown; where a price that came later divides them nobody can tell them apart any more, and they keep what they had.
WITH priced AS (
    SELECT
        s.ctid AS line,
        s.requests,
        count(p.price_id) AS prices,
        coalesce(bool_or(
            s.first_at >= p.valid_from
            AND s.last_at < p.valid_until
            AND s.least_input_tokens > p.more_than_input_tokens
            AND s.most_input_tokens <= p.up_to_input_tokens
        ), FALSE) AS one_holds,
        min(modelscout.usage_cost(
            s.input_tokens, s.output_tokens, s.cache_read_tokens, s.cache_write_tokens,
            s.cache_write_1h_tokens, s.operations, s.image_count, p.input_usd, p.cache_read_usd,
            p.cache_write_usd, p.cache_write_1h_usd, p.output_usd, p.operation_usd, p.image_usd
        )) AS cost_usd,
        coalesce(bool_or(p.estimated), FALSE) AS estimated
    FROM changed_hours AS c
    INNER JOIN ai_usage_priced_sums AS s ON c.organization_id = s.organization_id AND c.hour = s.hour
    LEFT JOIN usage_prices AS p
        ON
            s.organization_id = p.organization_id
            AND s.provider = p.provider
            AND s.requested_model = p.requested_model
            AND s.served_model = p.served_model
            AND s.processing = p.processing
            AND s.last_at >= p.valid_from
            AND s.first_at < p.valid_until
            AND s.most_input_tokens > p.more_than_input_tokens
            AND s.least_input_tokens <= p.up_to_input_tokens
    GROUP BY s.ctid, s.requests
),

written AS (
    UPDATE ai_usage_priced_sums AS s
    SET cost_usd = n.cost_usd, estimated = n.estimated AND n.cost_usd IS NOT NULL
    FROM priced AS n
    WHERE s.ctid = n.line AND (n.one_holds OR n.prices = 0)
)

SELECT coalesce(sum(n.requests), 0)::bigint AS requests_left
FROM priced AS n
WHERE n.prices > 0 AND NOT n.one_holds;
