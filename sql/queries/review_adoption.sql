-- Grain: one recommendation to change a model, and what came of it. Owner: recommender.
-- Reads: ai_model_recommendations, ai_feature_settings, ai_model_analytics, ai_models.
-- Realised saving: the requests since the switch at the former model's cost per answered request over the 30
-- days before it, minus what was paid. Quality only from outcomes after the switch; without them not verified.
WITH advised AS (
    SELECT
        r.*,
        s.current_model_id AS model_now,
        s.auto_apply,
        s.updated_at AS switched_at,
        coalesce(s.margin, f.default_margin) AS margin
    FROM ai_model_recommendations AS r
    INNER JOIN ai_feature_settings AS s
        ON r.organization_id = s.organization_id AND r.feature_id = s.feature_id
    INNER JOIN ai_features AS f ON r.feature_id = f.id
    WHERE
        r.verdict IN ('switch', 'migrate')
        AND r.recommended_model_id IS NOT NULL
        AND r.status IN ('open', 'accepted', 'applied')
),

before AS (
    SELECT
        a.id,
        sum(n.total_cost) / nullif(sum(n.success_count), 0) AS cost_per_answer_usd,
        sum(n.outcome_score_sum) / nullif(sum(n.outcome_count), 0) AS quality
    FROM advised AS a
    INNER JOIN ai_model_analytics AS n
        ON
            a.organization_id = n.organization_id
            AND a.feature_id = n.feature_id
            AND a.current_model_id = n.model_id
            AND n.date BETWEEN a.decision_date - 30 AND a.decision_date
    GROUP BY a.id
),

since AS (
    SELECT
        a.id,
        sum(n.success_count) AS answers,
        sum(n.total_cost) AS cost_usd,
        sum(n.outcome_score_sum) / nullif(sum(n.outcome_count), 0) AS quality,
        sum(n.outcome_count) AS outcomes,
        count(DISTINCT n.date) AS days
    FROM advised AS a
    INNER JOIN ai_model_analytics AS n
        ON
            a.organization_id = n.organization_id
            AND a.feature_id = n.feature_id
            AND a.recommended_model_id = n.model_id
            AND n.date > (a.switched_at AT TIME ZONE 'UTC')::date
    WHERE a.model_now = a.recommended_model_id
    GROUP BY a.id
)

SELECT
    a.id::text AS recommendation_id,
    a.organization_id::text AS organization_id,
    a.feature_id,
    a.status,
    a.auto_apply,
    exists(
        SELECT 1
        FROM ai_model_recommendations AS t
        WHERE
            t.organization_id = a.organization_id
            AND t.feature_id = a.feature_id
            AND t.recommended_model_id = a.recommended_model_id
            AND t.status = 'rolled_back'
    ) AS taken_back,
    a.margin,
    a.model_now = a.recommended_model_id AS adopted,
    a.recommended_model_id::text AS recommended_model_id,
    a.current_model_id::text AS former_model_id,
    a.evidence ->> 'proven' AS proven_migration,
    a.verdict,
    (a.cost_estimate -> 'saving_usd_per_month' ->> 'estimate')::numeric AS promised_saving_usd_per_month,
    (a.performance_estimate ->> 'recommended_quality')::numeric AS promised_quality,
    CASE
        WHEN s.days > 0
            THEN (s.answers * b.cost_per_answer_usd - s.cost_usd) / s.days * 30.4375
    END AS realised_saving_usd_per_month,
    s.quality AS realised_quality,
    b.quality AS former_quality,
    coalesce(s.outcomes, 0) AS outcomes
FROM advised AS a
LEFT JOIN before AS b ON a.id = b.id
LEFT JOIN since AS s ON a.id = s.id
ORDER BY a.organization_id, a.feature_id, a.decision_date;
