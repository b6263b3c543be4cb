-- Grain: one dated price. Owner: discovery. Writes: ai_model_prices. Parameter: rows, a JSON array.
-- Second half of a refresh: returns what is new, so that each change can be reported.
INSERT INTO ai_model_prices (
    provider, provider_model_id, processing, valid_from, above_input_tokens, input_usd_per_million_tokens,
    output_usd_per_million_tokens, cache_read_usd_per_million_tokens, cache_write_usd_per_million_tokens,
    cache_write_1h_usd_per_million_tokens, operation_usd, image_usd, source, estimated, recorded_at
)
SELECT
    i.provider,
    i.provider_model_id,
    i.processing,
    i.valid_from,
    i.above_input_tokens,
    i.input_usd_per_million_tokens,
    i.output_usd_per_million_tokens,
    i.cache_read_usd_per_million_tokens,
    i.cache_write_usd_per_million_tokens,
    i.cache_write_1h_usd_per_million_tokens,
    i.operation_usd,
    i.image_usd,
    i.source,
    i.estimated,
    :now
FROM
    jsonb_to_recordset(cast(:rows AS jsonb))
        AS i (
            provider text, provider_model_id text, processing text, valid_from timestamptz,
            above_input_tokens bigint, input_usd_per_million_tokens numeric,
            output_usd_per_million_tokens numeric, cache_read_usd_per_million_tokens numeric,
            cache_write_usd_per_million_tokens numeric, cache_write_1h_usd_per_million_tokens numeric,
            operation_usd numeric, image_usd numeric, source text, estimated boolean
        )
ON CONFLICT DO NOTHING
RETURNING provider, provider_model_id, processing, valid_from, above_input_tokens;
