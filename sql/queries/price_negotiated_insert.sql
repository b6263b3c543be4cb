-- Grain: one negotiated price of one organization. Owner: analytics. Writes: ai_model_prices.
INSERT INTO ai_model_prices (
    organization_id, provider, provider_model_id, processing, valid_from, above_input_tokens,
    input_usd_per_million_tokens, output_usd_per_million_tokens, cache_read_usd_per_million_tokens,
    cache_write_usd_per_million_tokens, cache_write_1h_usd_per_million_tokens, operation_usd, image_usd,
    source, estimated, recorded_at
)
VALUES (
    cast(:organization_id AS uuid), :provider, :model_id, :processing, :valid_from, :above_input_tokens,
    :input_usd_per_million_tokens, :output_usd_per_million_tokens, :cache_read_usd_per_million_tokens,
    :cache_write_usd_per_million_tokens, :cache_write_1h_usd_per_million_tokens, :operation_usd, :image_usd,
    :source, FALSE, :now
);
