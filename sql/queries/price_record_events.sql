-- Grain: one change of one list price, seen by the refresh of :now. Owner: discovery. Reads: ai_model_prices,
-- ai_models. Writes: model_events. Derived from what the refresh left, so that running it twice records nothing
-- twice. The first prices of a model are no change.
-- price_corrected: a price was another all along; price_changed: a new date, in force; price_scheduled: a new date
-- to come; price_withdrawn: its source no longer gives it. Amounts are text: JSON has no exact decimals.
WITH figures AS (
    SELECT
        p.id,
        p.provider,
        p.provider_model_id,
        p.processing,
        p.valid_from,
        p.above_input_tokens,
        p.recorded_at,
        p.superseded_at,
        p.source,
        jsonb_strip_nulls(jsonb_build_object(
            'input_usd_per_million_tokens', p.input_usd_per_million_tokens::text,
            'output_usd_per_million_tokens', p.output_usd_per_million_tokens::text,
            'cache_read_usd_per_million_tokens', p.cache_read_usd_per_million_tokens::text,
            'cache_write_usd_per_million_tokens', p.cache_write_usd_per_million_tokens::text,
            'cache_write_1h_usd_per_million_tokens', p.cache_write_1h_usd_per_million_tokens::text,
            'operation_usd', p.operation_usd::text,
            'image_usd', p.image_usd::text,
            'estimated', p.estimated
        )) AS price
    FROM ai_model_prices AS p
    WHERE p.organization_id IS NULL
),

changes AS (
    SELECT
        n.id,
        n.provider,
        n.provider_model_id,
        n.processing,
        n.valid_from,
        n.above_input_tokens,
        n.source,
        coalesce(corrected.price, earlier.price) AS before,
        n.price AS after,
        CASE
            WHEN corrected.id IS NOT NULL THEN 'price_corrected'
            WHEN n.valid_from > :now THEN 'price_scheduled'
            ELSE 'price_changed'
        END AS kind
    FROM figures AS n
    LEFT JOIN figures AS corrected
        ON
            n.provider = corrected.provider
            AND n.provider_model_id = corrected.provider_model_id
            AND n.processing = corrected.processing
            AND n.valid_from = corrected.valid_from
            AND n.above_input_tokens = corrected.above_input_tokens
            AND corrected.superseded_at = :now
    LEFT JOIN LATERAL (
        SELECT e.price
        FROM figures AS e
        WHERE
            e.provider = n.provider
            AND e.provider_model_id = n.provider_model_id
            AND e.processing = n.processing
            AND e.above_input_tokens = n.above_input_tokens
            AND e.valid_from < n.valid_from
            AND e.superseded_at IS NULL
        ORDER BY e.valid_from DESC
        LIMIT 1
    ) AS earlier ON TRUE
    WHERE
        n.recorded_at = :now
        AND n.superseded_at IS NULL
        AND EXISTS (
            SELECT 1
            FROM figures AS o
            WHERE
                o.provider = n.provider
                AND o.provider_model_id = n.provider_model_id
                AND o.recorded_at < :now
        )
    UNION ALL
    SELECT
        w.id,
        w.provider,
        w.provider_model_id,
        w.processing,
        w.valid_from,
        w.above_input_tokens,
        w.source,
        w.price AS before,
        NULL AS after,
        'price_withdrawn' AS kind
    FROM figures AS w
    WHERE
        w.superseded_at = :now
        AND NOT EXISTS (
            SELECT 1
            FROM figures AS n
            WHERE
                n.recorded_at = :now
                AND n.provider = w.provider
                AND n.provider_model_id = w.provider_model_id
                AND n.processing = w.processing
                AND n.valid_from = w.valid_from
                AND n.above_input_tokens = w.above_input_tokens
        )
)

INSERT INTO model_events (model_id, kind, natural_key, details, occurred_at)
SELECT
    m.id,
    c.kind,
    concat_ws(':', c.kind, c.id),
    jsonb_build_object(
        'processing', c.processing,
        'valid_from', c.valid_from,
        'above_input_tokens', c.above_input_tokens,
        'before', c.before,
        'after', c.after,
        'source', c.source
    ),
    :now
FROM changes AS c
INNER JOIN ai_models AS m
    ON
        c.provider = m.provider
        AND c.provider_model_id = m.provider_model_id
        AND m.owner_organization_id IS NULL
ON CONFLICT (natural_key) DO NOTHING
RETURNING kind, natural_key;
