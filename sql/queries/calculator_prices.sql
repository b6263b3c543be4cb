-- Grain: one price, past, present or scheduled; everybody's and one organization's. Owner: analytics.
-- Reads: ai_model_prices. Superseded rows are corrections of the past and stay out. :models NULL means all.
SELECT
    p.organization_id IS NOT NULL AS negotiated,
    p.provider,
    p.provider_model_id AS model_id,
    p.processing,
    p.valid_from,
    p.above_input_tokens,
    p.input_usd_per_million_tokens,
    p.output_usd_per_million_tokens,
    p.cache_read_usd_per_million_tokens,
    p.cache_write_usd_per_million_tokens,
    p.cache_write_1h_usd_per_million_tokens,
    p.operation_usd,
    p.image_usd,
    p.source,
    p.estimated
FROM ai_model_prices AS p
WHERE
    p.superseded_at IS NULL
    AND (p.organization_id IS NULL OR p.organization_id = cast(:organization_id AS uuid))
    AND (
        cast(:models AS text[]) IS NULL
        OR p.provider || '/' || p.provider_model_id = any(cast(:models AS text[]))
    )
ORDER BY p.provider, p.provider_model_id, p.processing, p.valid_from, p.above_input_tokens;
