-- Grain: one feature of one organization whose model retires up to :beyond or cannot be called any more, and one model
-- that could follow: any that the organization can use beyond :beyond, and those of the vendor's own line.
-- Owner: recommender. Reads: ai_feature_settings, ai_features, organizations, ai_models, ai_model_availability,
-- ai_model_settings, usable_provider_keys, ai_model_capabilities, ai_benchmark_results, ai_usage_priced_sums,
-- ai_model_prices.
-- step: place in the vendor's line of successors, NULL for other models. Costs are of the feature's traffic on the
-- leaving model in the :days whole days before today or the retirement, in USD per day: own_usd_per_day as it was paid,
-- usd_per_day the same tokens at this model's prices of the day of the change, as this organization pays them; NULL
-- where a price is missing. Failed attempts are in both. unverified and contradicted: required capabilities.
WITH RECURSIVE leaving AS (
    SELECT
        s.organization_id,
        s.feature_id,
        s.current_model_id,
        s.parameters,
        f.required_capabilities,
        m.provider,
        m.provider_model_id,
        m.successor_model_id,
        greatest(cast(:now AS timestamptz), m.retires_on::timestamp AT TIME ZONE 'UTC') AS changes_at,
        least(m.retires_on, cast(:today AS date)) AS use_ends
    FROM ai_feature_settings AS s
    INNER JOIN ai_features AS f ON s.feature_id = f.id
    INNER JOIN organizations AS o ON s.organization_id = o.id
    INNER JOIN ai_models AS m ON s.current_model_id = m.id
    LEFT JOIN ai_model_availability AS a
        ON s.organization_id = a.organization_id AND s.current_model_id = a.model_id
    WHERE
        o.modelscout_enabled
        AND (m.retires_on <= cast(:beyond AS date) OR a.status IN ('retired', 'unavailable'))
),

line AS (
    SELECT
        l.organization_id,
        l.feature_id,
        n.id AS model_id,
        n.provider,
        n.successor_model_id,
        1 AS step
    FROM leaving AS l
    INNER JOIN ai_models AS n
        ON
            l.provider = n.provider
            AND l.successor_model_id = n.provider_model_id
            AND n.owner_organization_id IS NULL
    UNION ALL
    SELECT
        i.organization_id,
        i.feature_id,
        n.id AS model_id,
        n.provider,
        n.successor_model_id,
        i.step + 1 AS step
    FROM line AS i
    INNER JOIN ai_models AS n
        ON
            i.provider = n.provider
            AND i.successor_model_id = n.provider_model_id
            AND n.owner_organization_id IS NULL
    -- A circle of successors ends nowhere.
    WHERE i.step < 10
),

usable AS (
    SELECT
        a.organization_id,
        a.model_id
    FROM ai_model_availability AS a
    INNER JOIN ai_models AS m ON a.model_id = m.id
    INNER JOIN usable_provider_keys AS k ON a.organization_id = k.organization_id AND m.provider = k.provider
    LEFT JOIN ai_model_settings AS s ON a.organization_id = s.organization_id AND a.model_id = s.model_id
    WHERE
        a.status IN ('active', 'available', 'deprecated')
        AND k.works
        AND coalesce(s.enabled, TRUE)
        AND (m.retires_on IS NULL OR m.retires_on > cast(:beyond AS date))
),

following AS (
    SELECT
        n.organization_id,
        n.feature_id,
        n.model_id,
        min(n.step) AS step,
        bool_or(n.is_usable) AS is_usable
    FROM (
        SELECT
            l.organization_id,
            l.feature_id,
            u.model_id,
            NULL::integer AS step,
            TRUE AS is_usable
        FROM leaving AS l
        INNER JOIN usable AS u ON l.organization_id = u.organization_id AND l.current_model_id <> u.model_id
        UNION ALL
        SELECT
            i.organization_id,
            i.feature_id,
            i.model_id,
            i.step,
            FALSE AS is_usable
        FROM line AS i
    ) AS n
    GROUP BY n.organization_id, n.feature_id, n.model_id
),

tiers AS (
    SELECT coalesce(array_agg(DISTINCT p.above_input_tokens ORDER BY p.above_input_tokens), '{}') AS tokens
    FROM ai_model_prices AS p
    WHERE p.superseded_at IS NULL AND p.above_input_tokens > 0
),

-- Rows of ai_usage_priced_sums hold calls that no tier parts: their mean tells the tier.
traffic AS (
    SELECT
        l.organization_id,
        l.feature_id,
        p.processing,
        p.kinds,
        width_bucket(p.input_tokens / p.requests - 1, t.tokens) AS input_tier,
        sum(p.input_tokens) / sum(p.requests) AS mean_input_tokens,
        sum(p.input_tokens)::bigint AS input_tokens,
        sum(p.output_tokens)::bigint AS output_tokens,
        sum(p.cache_read_tokens)::bigint AS cache_read_tokens,
        sum(p.cache_write_tokens)::bigint AS cache_write_tokens,
        sum(p.cache_write_1h_tokens)::bigint AS cache_write_1h_tokens,
        sum(p.operations)::bigint AS operations,
        sum(p.image_count)::bigint AS image_count,
        CASE WHEN count(p.cost_usd) = count(*) THEN sum(p.cost_usd) END AS cost_usd
    FROM leaving AS l
    INNER JOIN ai_usage_priced_sums AS p
        ON
            l.organization_id = p.organization_id
            AND l.feature_id = p.feature_id
            AND l.current_model_id = p.model_id
            AND l.use_ends::timestamp AT TIME ZONE 'UTC' > p.hour
            AND (l.use_ends - cast(:days AS integer))::timestamp AT TIME ZONE 'UTC' <= p.hour
    CROSS JOIN tiers AS t
    GROUP BY 1, 2, 3, 4, 5
),

own AS (
    SELECT
        t.organization_id,
        t.feature_id,
        CASE WHEN count(t.cost_usd) = count(*) THEN sum(t.cost_usd) / cast(:days AS integer) END
            AS usd_per_day
    FROM traffic AS t
    GROUP BY t.organization_id, t.feature_id
),

costed AS (
    SELECT
        n.organization_id,
        n.feature_id,
        n.model_id,
        CASE WHEN count(c.cost_usd) = count(*) THEN sum(c.cost_usd) / cast(:days AS integer) END
            AS usd_per_day
    FROM following AS n
    INNER JOIN leaving AS l ON n.organization_id = l.organization_id AND n.feature_id = l.feature_id
    INNER JOIN ai_models AS m ON n.model_id = m.id
    INNER JOIN traffic AS t ON n.organization_id = t.organization_id AND n.feature_id = t.feature_id
    LEFT JOIN
        LATERAL modelscout.price_periods(
            n.organization_id, m.provider, m.provider_model_id, t.processing
        ) AS p
        ON
            l.changes_at >= p.valid_from
            AND l.changes_at < p.valid_until
            AND t.mean_input_tokens > p.more_than_input_tokens
            AND t.mean_input_tokens <= p.up_to_input_tokens
    CROSS JOIN
        LATERAL modelscout.usage_cost(
            t.input_tokens,
            t.output_tokens,
            t.cache_read_tokens,
            t.cache_write_tokens,
            t.cache_write_1h_tokens,
            t.operations,
            t.image_count,
            p.input_usd,
            p.cache_read_usd,
            p.cache_write_usd,
            p.cache_write_1h_usd,
            p.output_usd, p.operation_usd, p.image_usd
        ) AS c (cost_usd)
    GROUP BY n.organization_id, n.feature_id, n.model_id
),

lacking AS (
    SELECT
        n.organization_id,
        n.feature_id,
        n.model_id,
        array_agg(r.capability ORDER BY r.capability) FILTER (
            WHERE coalesce(c.result NOT IN ('verified', 'contradicted'), TRUE)
        ) AS unverified,
        array_agg(r.capability ORDER BY r.capability) FILTER (WHERE c.result = 'contradicted') AS contradicted
    FROM following AS n
    INNER JOIN leaving AS l ON n.organization_id = l.organization_id AND n.feature_id = l.feature_id
    CROSS JOIN LATERAL unnest(l.required_capabilities) AS r (capability)
    LEFT JOIN ai_model_capabilities AS c ON n.model_id = c.model_id AND r.capability = c.capability
    GROUP BY n.organization_id, n.feature_id, n.model_id
),

replayed AS (
    SELECT
        n.organization_id,
        n.feature_id,
        n.model_id,
        count(*) AS replays,
        count(*) FILTER (WHERE r.error_type = 'bad_request') AS refused,
        min(r.error_message) FILTER (WHERE r.error_type = 'bad_request') AS refusal
    FROM following AS n
    INNER JOIN ai_benchmark_results AS r
        ON
            n.organization_id = r.organization_id
            AND n.feature_id = r.feature_id
            AND n.model_id = r.model_id
    WHERE r.source = 'replay'
    GROUP BY n.organization_id, n.feature_id, n.model_id
),

price_changes AS (
    SELECT
        n.organization_id,
        n.model_id,
        min(p.valid_from) AS price_changes_at
    FROM following AS n
    INNER JOIN ai_models AS m ON n.model_id = m.id
    CROSS JOIN
        LATERAL modelscout.price_periods(
            n.organization_id, m.provider, m.provider_model_id, 'standard'
        ) AS p
    WHERE p.valid_from > :now
    GROUP BY n.organization_id, n.model_id
)

SELECT
    n.organization_id::text AS organization_id,
    n.feature_id,
    n.model_id::text AS model_id,
    m.provider,
    m.provider_model_id AS model,
    m.retires_on,
    n.step,
    n.is_usable,
    coalesce(k.unverified, '{}') AS unverified,
    coalesce(k.contradicted, '{}') AS contradicted,
    coalesce(r.replays, 0) AS replays,
    coalesce(r.refused, 0) AS refused,
    r.refusal,
    array(
        SELECT jsonb_object_keys(l.parameters)
        ORDER BY 1
    ) AS parameters,
    o.usd_per_day AS own_usd_per_day,
    c.usd_per_day,
    p.price_changes_at::date AS price_changes_on
FROM following AS n
INNER JOIN leaving AS l ON n.organization_id = l.organization_id AND n.feature_id = l.feature_id
INNER JOIN ai_models AS m ON n.model_id = m.id
LEFT JOIN lacking AS k
    ON n.organization_id = k.organization_id AND n.feature_id = k.feature_id AND n.model_id = k.model_id
LEFT JOIN replayed AS r
    ON n.organization_id = r.organization_id AND n.feature_id = r.feature_id AND n.model_id = r.model_id
LEFT JOIN own AS o ON n.organization_id = o.organization_id AND n.feature_id = o.feature_id
LEFT JOIN costed AS c
    ON n.organization_id = c.organization_id AND n.feature_id = c.feature_id AND n.model_id = c.model_id
LEFT JOIN price_changes AS p ON n.organization_id = p.organization_id AND n.model_id = p.model_id
ORDER BY n.organization_id, n.feature_id, n.step NULLS LAST, m.provider, m.provider_model_id;
