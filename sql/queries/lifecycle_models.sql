-- Grain: one model in use that retires up to :until, the next first. Owner: analytics.
-- Reads: ai_models, ai_model_analytics, ai_feature_settings. Parameters: organization_ids (NULL: all), today, until,
-- days, max_rows. Use is that of lifecycle_exposure: the :days whole days before today, or before the retirement where
-- that is past; with :days 0 only what is set is looked at, and spend is unknown. Models that nobody used in that time and no feature is set to are left out.
WITH retiring AS MATERIALIZED (
    SELECT
        m.id,
        m.provider,
        m.provider_model_id,
        m.retires_on,
        m.successor_model_id,
        least(m.retires_on, cast(:today AS date)) AS use_ends
    FROM ai_models AS m
    WHERE m.retires_on <= cast(:until AS date)
),

used AS (
    SELECT
        r.id AS model_id,
        n.*
    FROM retiring AS r
    CROSS JOIN
        LATERAL (
            -- Grouped here, so that each of the few models is looked up by the key of the table.
            SELECT
                a.organization_id,
                a.feature_id,
                sum(a.total_cost) AS cost_usd,
                sum(a.total_requests)::bigint AS requests,
                sum(a.unpriced_requests)::bigint AS unpriced_requests,
                bool_or(a.simulated) AS simulated
            FROM ai_model_analytics AS a
            WHERE
                a.model_id = r.id
                AND a.date < r.use_ends
                AND a.date >= r.use_ends - cast(:days AS integer)
                AND (
                    cast(:organization_ids AS uuid[]) IS NULL
                    OR a.organization_id = any(cast(:organization_ids AS uuid[]))
                )
            GROUP BY a.organization_id, a.feature_id
        ) AS n
    UNION ALL
    SELECT
        r.id AS model_id,
        s.organization_id,
        s.feature_id,
        NULL AS cost_usd,
        0 AS requests,
        0 AS unpriced_requests,
        FALSE AS simulated
    FROM retiring AS r
    INNER JOIN ai_feature_settings AS s ON r.id = s.current_model_id
    WHERE
        cast(:organization_ids AS uuid[]) IS NULL
        OR s.organization_id = any(cast(:organization_ids AS uuid[]))
),

users AS (
    SELECT
        u.model_id,
        u.organization_id,
        u.feature_id,
        sum(u.cost_usd) AS cost_usd,
        sum(u.unpriced_requests)::bigint AS unpriced_requests,
        bool_or(u.simulated) AS simulated
    FROM used AS u
    GROUP BY u.model_id, u.organization_id, u.feature_id
),

totals AS (
    SELECT
        u.model_id,
        count(*) AS features,
        count(DISTINCT u.organization_id) AS organizations,
        sum(u.cost_usd) / cast(:days AS integer) AS spend_usd_per_day,
        sum(u.unpriced_requests)::bigint AS unpriced_requests,
        bool_or(u.simulated) AS simulated
    FROM users AS u
    GROUP BY u.model_id
)

SELECT
    r.id::text AS model_id,
    r.provider,
    r.provider_model_id,
    r.retires_on,
    r.successor_model_id AS successor,
    t.features,
    t.organizations,
    t.spend_usd_per_day,
    t.unpriced_requests,
    t.simulated
FROM retiring AS r
INNER JOIN totals AS t ON r.id = t.model_id
ORDER BY r.retires_on ASC, t.spend_usd_per_day DESC NULLS LAST, r.id ASC
LIMIT :max_rows;
