-- The SQL twin of modelscout.costs.pricing.price_usage: one call priced as of its own time, in exact decimals.
-- Not a definer and without settings of its own, so that the planner can fold it into the caller's statement.
CREATE FUNCTION modelscout.price_usage(
    organization uuid, provider_name text, model_name text, processing_name text, at timestamptz,
    input_count bigint, output_count bigint, cache_read_count bigint, cache_write_count bigint,
    cache_write_1h_count bigint, operation_count bigint, images bigint
) RETURNS TABLE (cost_usd numeric, estimated boolean, price_id uuid)
LANGUAGE sql STABLE ROWS 1 AS $function$
SELECT
    CASE
        WHEN p.operation_usd IS NOT NULL AND images > 0 AND operation_count = 0 THEN NULL
        ELSE
            CASE
                WHEN input_count - cache_read_count - cache_write_count = 0 THEN 0
                ELSE (input_count - cache_read_count - cache_write_count)
                    * p.input_usd_per_million_tokens * 0.000001
            END
            + CASE WHEN cache_read_count = 0 THEN 0
                ELSE cache_read_count * p.cache_read_usd_per_million_tokens * 0.000001 END
            + CASE WHEN cache_write_count - cache_write_1h_count = 0 THEN 0
                ELSE (cache_write_count - cache_write_1h_count)
                    * p.cache_write_usd_per_million_tokens * 0.000001 END
            + CASE WHEN cache_write_1h_count = 0 THEN 0
                ELSE cache_write_1h_count * p.cache_write_1h_usd_per_million_tokens * 0.000001 END
            + CASE WHEN output_count = 0 THEN 0
                ELSE output_count * p.output_usd_per_million_tokens * 0.000001 END
            + CASE WHEN operation_count = 0 THEN 0 ELSE operation_count * p.operation_usd END
            + CASE WHEN images = 0 OR p.image_usd IS NULL THEN 0 ELSE images * p.image_usd END
    END,
    p.estimated,
    p.id
FROM (
    -- The newest prices in force replace all earlier ones, their tiers included; an organization's negotiated
    -- ones, once in force, replace everybody's.
    SELECT
        q.*,
        rank() OVER (ORDER BY (q.organization_id IS NOT NULL) DESC, q.valid_from DESC) AS age
    FROM public.ai_model_prices AS q
    WHERE
        q.provider = provider_name
        AND q.provider_model_id = model_name
        AND q.processing = processing_name
        AND q.superseded_at IS NULL
        AND q.valid_from <= at
        AND (q.organization_id IS NULL OR q.organization_id = organization)
) AS p
WHERE
    p.age = 1
    AND (p.above_input_tokens = 0 OR p.above_input_tokens < input_count)
    -- Counts that contradict each other have no price.
    AND least(
        input_count, output_count, cache_read_count, cache_write_count, cache_write_1h_count, operation_count,
        images
    ) >= 0
    AND cache_write_1h_count <= cache_write_count
    AND cache_read_count::numeric + cache_write_count <= input_count
ORDER BY p.above_input_tokens DESC
LIMIT 1
$function$;
GRANT EXECUTE ON FUNCTION modelscout.price_usage(
    uuid, text, text, text, timestamptz, bigint, bigint, bigint, bigint, bigint, bigint, bigint
) TO public;
