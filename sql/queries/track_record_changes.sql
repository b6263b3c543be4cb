-- Grain: one adopted change with its latest review, the latest switch first. Owner: recommender.
-- Reads: recommendation_adoptions, recommendation_outcomes, organizations, ai_features, ai_models.
-- Parameters: organization_ids (NULL: all), max_rows. has_saving: as in recommendation_track_record.
SELECT
    d.recommendation_id::text AS recommendation_id,
    coalesce(o.slug, o.id::text) AS organization,
    coalesce(o.name, o.slug, o.id::text) AS organization_name,
    d.feature_id,
    coalesce(f.name, d.feature_id) AS feature,
    p.provider_model_id AS former_model,
    m.provider_model_id AS model,
    d.switched_at,
    d.applied_automatically,
    d.ended_at,
    d.ended_by,
    r.reviewed_on,
    r.promised_saving_usd_per_month,
    r.promised_saving_low_usd_per_month,
    r.promised_saving_high_usd_per_month,
    r.realised_saving_usd_per_month,
    r.realised_saving_low_usd_per_month,
    r.realised_saving_high_usd_per_month,
    coalesce(r.compared_days, 0) AS compared_days,
    r.quality_change,
    r.quality_change_low,
    r.quality_change_high,
    r.quality_source,
    r.quality_violated,
    coalesce(o.simulated, FALSE) AS simulated,
    coalesce(
        r.compared_days >= 7
        AND r.promised_saving_usd_per_month IS NOT NULL
        AND r.realised_saving_usd_per_month IS NOT NULL,
        FALSE
    ) AS has_saving
FROM recommendation_adoptions AS d
INNER JOIN organizations AS o ON d.organization_id = o.id
LEFT JOIN ai_features AS f ON d.feature_id = f.id
LEFT JOIN ai_models AS p ON d.former_model_id = p.id
LEFT JOIN ai_models AS m ON d.model_id = m.id
LEFT JOIN LATERAL (
    SELECT *
    FROM recommendation_outcomes AS x
    WHERE x.recommendation_id = d.recommendation_id
    ORDER BY x.reviewed_on DESC
    LIMIT 1
) AS r ON TRUE
WHERE
    cast(:organization_ids AS uuid[]) IS NULL
    OR d.organization_id = any(cast(:organization_ids AS uuid[]))
ORDER BY d.switched_at DESC, d.recommendation_id ASC
LIMIT :max_rows;
