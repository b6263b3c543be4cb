-- Grain: one row, over all asked organizations. Owner: recommender. Parameters: organization_ids (NULL: all), now,
-- rated_since. Reads: ai_model_recommendations, ai_feature_settings, recommendation_adoptions,
-- recommendation_outcomes, recommendation_ratings, organizations. What counts as a known saving is as in recommendation_track_record.
WITH latest AS MATERIALIZED (
    SELECT
        r.organization_id,
        r.feature_id,
        r.verdict,
        r.recommended_model_id,
        r.saving_usd_per_month,
        r.verdict IN ('keep', 'switch', 'migrate') AND r.recommended_model_id IS NOT NULL AS names_a_model,
        r.status = 'open' AND r.valid_until > :now AND r.verdict IN ('switch', 'migrate') AS is_open_change,
        r.status = 'open' AND r.valid_until > :now AND r.verdict = 'trial' AS is_open_trial
    FROM ai_model_recommendations AS r
    WHERE
        r.is_latest
        AND (
            cast(:organization_ids AS uuid[]) IS NULL
            OR r.organization_id = any(cast(:organization_ids AS uuid[]))
        )
),

settings AS MATERIALIZED (
    SELECT
        s.organization_id,
        s.feature_id,
        s.current_model_id
    FROM ai_feature_settings AS s
    WHERE
        cast(:organization_ids AS uuid[]) IS NULL
        OR s.organization_id = any(cast(:organization_ids AS uuid[]))
),

advice AS (
    SELECT
        count(*) AS features,
        count(*) FILTER (WHERE l.names_a_model) AS advised,
        count(*) FILTER (
            WHERE l.names_a_model AND s.current_model_id = l.recommended_model_id
        ) AS on_recommended,
        count(*) FILTER (WHERE l.is_open_change) AS open_changes,
        count(*) FILTER (WHERE l.is_open_trial) AS open_trials,
        sum(l.saving_usd_per_month) FILTER (
            WHERE l.is_open_change AND l.saving_usd_per_month > 0
        ) AS waiting_saving_usd_per_month,
        -sum(l.saving_usd_per_month) FILTER (
            WHERE l.is_open_change AND l.saving_usd_per_month < 0
        ) AS waiting_cost_usd_per_month,
        count(*) FILTER (WHERE l.is_open_change AND l.saving_usd_per_month IS NULL) AS unpriced_changes
    FROM latest AS l
    LEFT JOIN settings AS s ON l.organization_id = s.organization_id AND l.feature_id = s.feature_id
),

results AS (
    SELECT
        count(*) FILTER (WHERE d.ended_at IS NULL) AS adopted,
        sum(o.promised_saving_usd_per_month) FILTER (WHERE o.has_saving) AS promised_saving_usd_per_month,
        sum(o.realised_saving_usd_per_month) FILTER (WHERE o.has_saving) AS realised_saving_usd_per_month,
        count(*) FILTER (WHERE o.has_saving) AS savings_known
    FROM recommendation_adoptions AS d
    LEFT JOIN LATERAL (
        SELECT
            x.promised_saving_usd_per_month,
            x.realised_saving_usd_per_month,
            x.compared_days >= 7
            AND x.promised_saving_usd_per_month IS NOT NULL
            AND x.realised_saving_usd_per_month IS NOT NULL AS has_saving
        FROM recommendation_outcomes AS x
        WHERE x.recommendation_id = d.recommendation_id
        ORDER BY x.reviewed_on DESC
        LIMIT 1
    ) AS o ON TRUE
    WHERE
        cast(:organization_ids AS uuid[]) IS NULL
        OR d.organization_id = any(cast(:organization_ids AS uuid[]))
),

rated AS (
    SELECT
        count(*) AS ratings,
        avg(g.rating) AS mean_rating
    FROM recommendation_ratings AS g
    WHERE
        g.rated_at >= cast(:rated_since AS timestamptz)
        AND (
            cast(:organization_ids AS uuid[]) IS NULL
            OR g.organization_id = any(cast(:organization_ids AS uuid[]))
        )
),

simulation AS (
    SELECT coalesce(bool_or(o.simulated), FALSE) AS simulated
    FROM organizations AS o
    WHERE
        cast(:organization_ids AS uuid[]) IS NULL
        OR o.id = any(cast(:organization_ids AS uuid[]))
)

SELECT
    a.features,
    a.advised,
    a.on_recommended,
    a.open_changes,
    a.open_trials,
    a.waiting_saving_usd_per_month,
    a.waiting_cost_usd_per_month,
    a.unpriced_changes,
    s.adopted,
    s.promised_saving_usd_per_month,
    s.realised_saving_usd_per_month,
    s.savings_known,
    g.ratings,
    g.mean_rating,
    o.simulated
FROM advice AS a
CROSS JOIN results AS s
CROSS JOIN rated AS g
CROSS JOIN simulation AS o;
