-- Grain: the negotiated price that stands under one natural key, none or one. Owner: analytics.
-- Reads: ai_model_prices.
SELECT
    p.id::text AS id,
    p.input_usd_per_million_tokens,
    p.output_usd_per_million_tokens,
    p.cache_read_usd_per_million_tokens,
    p.cache_write_usd_per_million_tokens,
    p.cache_write_1h_usd_per_million_tokens,
    p.operation_usd,
    p.image_usd,
    p.source
FROM ai_model_prices AS p
WHERE
    p.organization_id = cast(:organization_id AS uuid)
    AND p.provider = :provider
    AND p.provider_model_id = :model_id
    AND p.processing = :processing
    AND p.valid_from = :valid_from
    AND p.above_input_tokens = :above_input_tokens
    AND p.superseded_at IS NULL
FOR UPDATE;
