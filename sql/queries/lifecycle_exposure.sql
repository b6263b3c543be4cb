-- Grain: one model that retires up to :until, and one feature of one organization that uses it, or none.
-- Owner: analytics. Reads: ai_models, ai_model_analytics, ai_feature_settings, organizations.
-- Use is that of the :days whole days before today, or before the retirement where that is past. Retired models
-- stay as long as somebody has used them in that time or a feature is still set to them.
WITH retiring AS (
    SELECT
        m.id,
        m.provider,
        m.provider_model_id,
        m.retires_on,
        least(m.retires_on, cast(:today AS date)) AS use_ends
    FROM ai_models AS m
    WHERE
        m.retires_on <= cast(:until AS date)
        AND (
            m.owner_organization_id IS NULL
            OR cast(:organization_id AS uuid) IS NULL
            OR m.owner_organization_id = cast(:organization_id AS uuid)
        )
),

used AS (
    SELECT
        r.id AS model_id,
        a.organization_id,
        a.feature_id,
        sum(a.total_requests)::bigint AS requests,
        sum(a.success_count)::bigint AS answers,
        sum(a.total_cost) AS cost_usd,
        sum(a.unpriced_requests)::bigint AS unpriced_requests,
        sum(a.input_tokens)::bigint AS input_tokens,
        sum(a.output_tokens)::bigint AS output_tokens,
        sum(a.cache_read_tokens)::bigint AS cache_read_tokens,
        sum(a.cache_write_tokens)::bigint AS cache_write_tokens,
        sum(a.cache_write_1h_tokens)::bigint AS cache_write_1h_tokens,
        sum(a.reasoning_tokens)::bigint AS reasoning_tokens,
        sum(a.image_tokens)::bigint AS image_tokens,
        sum(a.image_count)::bigint AS image_count,
        sum(a.operations)::bigint AS operations,
        bool_or(a.simulated) AS simulated
    FROM retiring AS r
    INNER JOIN ai_model_analytics AS a
        ON
            r.id = a.model_id
            AND r.use_ends > a.date
            AND r.use_ends - cast(:days AS integer) <= a.date
    WHERE cast(:organization_id AS uuid) IS NULL OR a.organization_id = cast(:organization_id AS uuid)
    GROUP BY r.id, a.organization_id, a.feature_id
),

assigned AS (
    SELECT
        r.id AS model_id,
        s.organization_id,
        s.feature_id,
        coalesce(s.current_model_id = r.id, FALSE) AS is_current,
        r.id = any(s.fallback_model_ids) AS is_fallback
    FROM retiring AS r
    INNER JOIN ai_feature_settings AS s
        ON r.id = s.current_model_id OR r.id = any(s.fallback_model_ids)
    WHERE cast(:organization_id AS uuid) IS NULL OR s.organization_id = cast(:organization_id AS uuid)
),

users AS (
    SELECT
        coalesce(u.model_id, s.model_id) AS model_id,
        coalesce(u.organization_id, s.organization_id) AS organization_id,
        coalesce(u.feature_id, s.feature_id) AS feature_id,
        coalesce(s.is_current, FALSE) AS is_current,
        coalesce(s.is_fallback, FALSE) AS is_fallback,
        coalesce(u.requests, 0) AS requests,
        coalesce(u.answers, 0) AS answers,
        u.cost_usd,
        coalesce(u.unpriced_requests, 0) AS unpriced_requests,
        coalesce(u.input_tokens, 0) AS input_tokens,
        coalesce(u.output_tokens, 0) AS output_tokens,
        coalesce(u.cache_read_tokens, 0) AS cache_read_tokens,
        coalesce(u.cache_write_tokens, 0) AS cache_write_tokens,
        coalesce(u.cache_write_1h_tokens, 0) AS cache_write_1h_tokens,
        coalesce(u.reasoning_tokens, 0) AS reasoning_tokens,
        coalesce(u.image_tokens, 0) AS image_tokens,
        coalesce(u.image_count, 0) AS image_count,
        coalesce(u.operations, 0) AS operations,
        coalesce(u.simulated, FALSE) AS simulated
    FROM used AS u
    FULL JOIN assigned AS s
        ON
            u.model_id = s.model_id
            AND u.organization_id = s.organization_id
            AND u.feature_id = s.feature_id
)

SELECT
    r.provider,
    r.provider_model_id AS model_id,
    r.retires_on,
    u.organization_id::text AS organization_id,
    coalesce(o.slug, o.id::text) AS organization,
    u.feature_id,
    coalesce(f.required_capabilities, '{}') AS required_capabilities,
    u.is_current,
    u.is_fallback,
    u.requests,
    u.answers,
    u.cost_usd,
    u.unpriced_requests,
    u.input_tokens,
    u.output_tokens,
    u.cache_read_tokens,
    u.cache_write_tokens,
    u.cache_write_1h_tokens,
    u.reasoning_tokens,
    u.image_tokens,
    u.image_count,
    u.operations,
    coalesce(u.simulated OR o.simulated, FALSE) AS simulated
FROM retiring AS r
LEFT JOIN users AS u ON r.id = u.model_id
LEFT JOIN organizations AS o ON u.organization_id = o.id
LEFT JOIN ai_features AS f ON u.feature_id = f.id
WHERE r.retires_on > cast(:today AS date) OR u.model_id IS NOT NULL
ORDER BY r.retires_on, r.provider, r.provider_model_id, organization, u.feature_id;
