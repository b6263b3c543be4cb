-- Grain: one price of one model: past, in force or scheduled; everybody's and one organization's. Owner: analytics.
-- Reads: ai_model_prices (ai_model_prices_key). Corrected rows stay out. The latest :max_rows by day.
SELECT
    p.organization_id IS NOT NULL AS negotiated,
    p.processing,
    p.above_input_tokens,
    p.valid_from,
    lead(p.valid_from) OVER (
        PARTITION BY p.organization_id, p.processing, p.above_input_tokens
        ORDER BY p.valid_from
    ) AS valid_until,
    p.input_usd_per_million_tokens,
    p.output_usd_per_million_tokens,
    p.cache_read_usd_per_million_tokens,
    p.cache_write_usd_per_million_tokens,
    p.operation_usd,
    p.image_usd,
    p.source,
    p.estimated
FROM ai_model_prices AS p
INNER JOIN ai_models AS m ON p.provider = m.provider AND p.provider_model_id = m.provider_model_id
WHERE
    m.id = cast(:model_id AS uuid)
    AND p.superseded_at IS NULL
    AND (p.organization_id IS NULL OR p.organization_id = cast(:organization_id AS uuid))
ORDER BY p.valid_from DESC, p.processing ASC, p.above_input_tokens ASC, negotiated ASC
LIMIT :max_rows;
