-- Grain: one recommendation under review: adopted and looked at, or open and not adopted. Owner: recommender.
-- Reads: ai_model_recommendations, recommendation_adoptions, ai_feature_settings, ai_features, ai_models,
-- ai_model_availability, usable_provider_keys. Figures that were promised are NULL where they are unknown.
-- former_is_usable: whether a roll-back has something to go back to.
SELECT
    r.id::text AS recommendation_id,
    r.organization_id::text AS organization_id,
    r.feature_id,
    r.simulated,
    a.recommendation_id IS NOT NULL AS adopted,
    a.applied_automatically,
    a.ended_at,
    a.switched_at,
    s.auto_apply,
    coalesce(a.margin, s.margin, f.default_margin) AS margin,
    coalesce(a.former_judged, 0) AS former_judged,
    coalesce(a.former_score_sum, 0) AS former_score_sum,
    a.input_token_ratio,
    p.provider_model_id AS former_model,
    m.provider_model_id AS model,
    coalesce(p.retires_on > cast(:today AS date), TRUE)
    AND coalesce(v.status IN ('active', 'available', 'deprecated'), FALSE)
    AND coalesce(c.enabled, TRUE)
    AND EXISTS (
        SELECT 1
        FROM usable_provider_keys AS u
        WHERE u.organization_id = r.organization_id AND u.provider = p.provider AND u.works
    ) AS former_is_usable,
    (r.cost_estimate -> 'saving_usd_per_month' ->> 'estimate')::numeric AS promised_saving_usd_per_month,
    (r.cost_estimate -> 'saving_usd_per_month' ->> 'low')::numeric AS promised_saving_low_usd_per_month,
    (r.cost_estimate -> 'saving_usd_per_month' ->> 'high')::numeric AS promised_saving_high_usd_per_month,
    (r.performance_estimate ->> 'recommended_quality')::numeric AS promised_quality,
    modelscout.histogram_percentile(a.former_latency_histogram, 0.5) AS former_median_ms,
    modelscout.histogram_percentile(a.former_latency_histogram, 0.5)
    * (r.performance_estimate ->> 'replay_median_ms')::double precision
    / nullif((r.performance_estimate ->> 'replay_reference_median_ms')::double precision, 0)
        AS promised_median_ms
FROM ai_model_recommendations AS r
INNER JOIN ai_feature_settings AS s
    ON r.organization_id = s.organization_id AND r.feature_id = s.feature_id
INNER JOIN ai_features AS f ON r.feature_id = f.id
INNER JOIN ai_models AS m ON r.recommended_model_id = m.id
INNER JOIN ai_models AS p ON r.current_model_id = p.id
LEFT JOIN recommendation_adoptions AS a ON r.id = a.recommendation_id
LEFT JOIN ai_model_availability AS v ON r.organization_id = v.organization_id AND p.id = v.model_id
LEFT JOIN ai_model_settings AS c ON r.organization_id = c.organization_id AND p.id = c.model_id
WHERE
    (
        a.recommendation_id IS NOT NULL
        AND (a.ended_at IS NULL OR a.ended_at >= :now)
        AND (a.switched_at AT TIME ZONE 'UTC')::date
        >= cast(:today AS date) - 7 - cast(:review_days AS integer)
    )
    OR (
        a.recommendation_id IS NULL
        AND r.verdict IN ('switch', 'migrate')
        AND r.recommended_model_id <> r.current_model_id
        AND r.status IN ('open', 'accepted')
        AND r.created_at > cast(:now AS timestamptz) - interval '30 days'
    )
ORDER BY r.organization_id, r.feature_id, r.decision_date;
