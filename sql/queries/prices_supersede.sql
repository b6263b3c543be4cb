-- Grain: one dated price. Owner: discovery. Writes: ai_model_prices. Parameter: rows, a JSON array that holds
-- every price of each model in it.
-- First half of a refresh: a price whose figures were corrected, or which its source no longer gives, is closed,
-- never overwritten. A model that is not in the array keeps its prices.
WITH incoming AS (
    SELECT i.*
    FROM
        jsonb_to_recordset(cast(:rows AS jsonb))
            AS i (
                provider text, provider_model_id text, processing text, valid_from timestamptz,
                above_input_tokens bigint, input_usd_per_million_tokens numeric,
                output_usd_per_million_tokens numeric, cache_read_usd_per_million_tokens numeric,
                cache_write_usd_per_million_tokens numeric, cache_write_1h_usd_per_million_tokens numeric,
                operation_usd numeric, image_usd numeric, estimated boolean
            )
)

UPDATE ai_model_prices AS p
SET superseded_at = :now
WHERE
    p.superseded_at IS NULL
    AND p.organization_id IS NULL
    AND (p.provider, p.provider_model_id) IN (
        SELECT
            i.provider,
            i.provider_model_id
        FROM incoming AS i
    )
    AND NOT EXISTS (
        SELECT 1
        FROM incoming AS i
        WHERE
            p.provider = i.provider
            AND p.provider_model_id = i.provider_model_id
            AND p.processing = i.processing
            AND p.valid_from = i.valid_from
            AND p.above_input_tokens = i.above_input_tokens
            AND (
                p.input_usd_per_million_tokens, p.output_usd_per_million_tokens,
                p.cache_read_usd_per_million_tokens, p.cache_write_usd_per_million_tokens,
                p.cache_write_1h_usd_per_million_tokens, p.operation_usd, p.image_usd, p.estimated
            ) IS NOT DISTINCT FROM (
                i.input_usd_per_million_tokens, i.output_usd_per_million_tokens,
                i.cache_read_usd_per_million_tokens, i.cache_write_usd_per_million_tokens,
                i.cache_write_1h_usd_per_million_tokens, i.operation_usd, i.image_usd, i.estimated
            )
    );
