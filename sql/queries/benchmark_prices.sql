-- Grain: one price that holds now or has held, everybody's or one organization's. Owner: benchmarks.
-- Reads: ai_model_prices. Superseded rows are corrections of the past and stay out.
SELECT
    p.organization_id::text AS organization_id,
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
    AND p.processing IN ('standard', 'batch')
    AND p.valid_from <= cast(:now AS timestamptz)
    AND (p.organization_id IS NULL OR p.organization_id = any(cast(:organization_ids AS uuid[])))
ORDER BY p.provider ASC, p.provider_model_id ASC, p.valid_from DESC, p.above_input_tokens ASC;
