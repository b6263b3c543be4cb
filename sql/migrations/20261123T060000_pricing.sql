-- The SQL twin of modelscout.costs.pricing: which model a name means (model_named), which of its prices holds
-- (price_periods) and what a call comes to (usage_cost).
-- A set of events is priced by joining both, sql/rollup/price_events.sql; price_usage does it for one call.
-- Not definers and without settings of their own, so that the planner can fold them into the caller's statement.

-- The model that an application or a vendor names: by its id, by an alias, or by an id with a day at its end.
CREATE FUNCTION modelscout.model_named(provider_name text, named text)
RETURNS TABLE (model_id uuid, provider_model_id text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $function$
SELECT
    m.id,
    m.provider_model_id
FROM (
    SELECT
        x.id,
        x.provider_model_id,
        1 AS rank
    FROM public.ai_models AS x
    WHERE x.provider = provider_name AND x.provider_model_id = named
    UNION ALL
    SELECT
        x.id,
        x.provider_model_id,
        2 AS rank
    FROM public.ai_models AS x
    WHERE x.provider = provider_name AND named = any(x.aliases)
    UNION ALL
    SELECT
        x.id,
        x.provider_model_id,
        3 AS rank
    FROM public.ai_models AS x
    WHERE
        x.provider = provider_name
        AND x.provider_model_id = regexp_replace(named, '-(\d{4}-\d{2}-\d{2}|\d{8})$', '')
) AS m
ORDER BY m.rank
LIMIT 1
$function$;

-- Prices of one model and processing as one organization pays them, each with the moments and the input tokens
-- it holds for: valid_from <= at < valid_until, more_than_input_tokens < input tokens <= up_to_input_tokens.
-- No two of them overlap. Money is USD per token, operation or image.
CREATE FUNCTION modelscout.price_periods(
    organization uuid, provider_name text, model_name text, processing_name text
) RETURNS TABLE (
    price_id uuid, valid_from timestamptz, valid_until timestamptz,
    more_than_input_tokens bigint, up_to_input_tokens bigint,
    input_usd numeric, cache_read_usd numeric, cache_write_usd numeric, cache_write_1h_usd numeric,
    output_usd numeric, operation_usd numeric, image_usd numeric, estimated boolean
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 4 AS $function$
SELECT
    p.id,
    p.valid_from,
    -- The newest prices in force replace all earlier ones, their tiers included.
    coalesce(
        first_value(p.valid_from) OVER (ORDER BY p.valid_from GROUPS BETWEEN 1 FOLLOWING AND 1 FOLLOWING),
        'infinity'
    ),
    CASE WHEN p.above_input_tokens = 0 THEN -1 ELSE p.above_input_tokens END,
    coalesce(
        lead(p.above_input_tokens) OVER (PARTITION BY p.valid_from ORDER BY p.above_input_tokens),
        9223372036854775807
    ),
    p.input_usd_per_million_tokens * 0.000001,
    p.cache_read_usd_per_million_tokens * 0.000001,
    p.cache_write_usd_per_million_tokens * 0.000001,
    p.cache_write_1h_usd_per_million_tokens * 0.000001,
    p.output_usd_per_million_tokens * 0.000001,
    p.operation_usd,
    p.image_usd,
    p.estimated
FROM (
    SELECT
        q.*,
        min(q.valid_from) FILTER (WHERE q.organization_id IS NOT NULL) OVER () AS negotiated_since
    FROM public.ai_model_prices AS q
    WHERE
        q.provider = provider_name
        AND q.provider_model_id = model_name
        AND q.processing = processing_name
        AND q.superseded_at IS NULL
        AND (q.organization_id IS NULL OR q.organization_id = organization)
) AS p
-- An organization's negotiated prices, once in force, replace everybody's, later ones too.
WHERE
    p.organization_id IS NOT NULL
    OR p.negotiated_since IS NULL
    OR p.valid_from < p.negotiated_since
$function$;

-- What counts come to at the prices of one period, in USD. A kind that occurs without a price makes the whole
-- unknown. The counts must not contradict each other, as those of ai_usage_events cannot.
CREATE FUNCTION modelscout.usage_cost(
    input_count bigint, output_count bigint, cache_read_count bigint, cache_write_count bigint,
    cache_write_1h_count bigint, operation_count bigint, images bigint,
    input_usd numeric, cache_read_usd numeric, cache_write_usd numeric, cache_write_1h_usd numeric,
    output_usd numeric, operation_usd numeric, image_usd numeric
) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
SELECT
    CASE
        WHEN input_count - cache_read_count - cache_write_count = 0 THEN 0
        ELSE (input_count - cache_read_count - cache_write_count) * input_usd
    END
    + CASE WHEN output_count = 0 THEN 0 ELSE output_count * output_usd END
    -- Most calls have none of these: one look instead of five sums.
    + CASE
        WHEN cache_read_count = 0 AND cache_write_count = 0 AND operation_count = 0 AND images = 0 THEN 0
        -- Somebody forgot to count the operations.
        WHEN operation_usd IS NOT NULL AND images > 0 AND operation_count = 0 THEN NULL
        ELSE
            CASE WHEN cache_read_count = 0 THEN 0 ELSE cache_read_count * cache_read_usd END
            + CASE
                WHEN cache_write_count - cache_write_1h_count = 0 THEN 0
                ELSE (cache_write_count - cache_write_1h_count) * cache_write_usd
            END
            + CASE WHEN cache_write_1h_count = 0 THEN 0 ELSE cache_write_1h_count * cache_write_1h_usd END
            + CASE WHEN operation_count = 0 THEN 0 ELSE operation_count * operation_usd END
            + CASE WHEN images = 0 OR image_usd IS NULL THEN 0 ELSE images * image_usd END
    END
$function$;

-- One call priced as of its own time: a row with an unknown cost where a price is missing, no row where no
-- price is in force.
CREATE FUNCTION modelscout.price_usage(
    organization uuid, provider_name text, model_name text, processing_name text, at timestamptz,
    input_count bigint, output_count bigint, cache_read_count bigint, cache_write_count bigint,
    cache_write_1h_count bigint, operation_count bigint, images bigint
) RETURNS TABLE (cost_usd numeric, estimated boolean, price_id uuid)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $function$
SELECT
    modelscout.usage_cost(
        input_count, output_count, cache_read_count, cache_write_count, cache_write_1h_count, operation_count,
        images, p.input_usd, p.cache_read_usd, p.cache_write_usd, p.cache_write_1h_usd, p.output_usd,
        p.operation_usd, p.image_usd
    ),
    p.estimated,
    p.price_id
FROM modelscout.price_periods(organization, provider_name, model_name, processing_name) AS p
WHERE
    at >= p.valid_from
    AND at < p.valid_until
    AND input_count > p.more_than_input_tokens
    AND input_count <= p.up_to_input_tokens
    -- Counts that contradict each other have no price.
    AND least(
        input_count, output_count, cache_read_count, cache_write_count, cache_write_1h_count, operation_count,
        images
    ) >= 0
    AND cache_write_1h_count <= cache_write_count
    AND cache_read_count::numeric + cache_write_count <= input_count
$function$;

-- They read as whoever calls them: row-level security decides whose prices they see.
GRANT EXECUTE ON FUNCTION modelscout.model_named(text, text) TO public;
GRANT EXECUTE ON FUNCTION modelscout.price_periods(uuid, text, text, text) TO public;
GRANT EXECUTE ON FUNCTION modelscout.usage_cost(
    bigint, bigint, bigint, bigint, bigint, bigint, bigint,
    numeric, numeric, numeric, numeric, numeric, numeric, numeric
) TO public;
GRANT EXECUTE ON FUNCTION modelscout.price_usage(
    uuid, text, text, text, timestamptz, bigint, bigint, bigint, bigint, bigint, bigint, bigint
) TO public;
