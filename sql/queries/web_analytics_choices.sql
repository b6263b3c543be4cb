-- Grain: one feature on one model that an organization used on the days :since to :until, both included; at most
-- :max_rows of them. Owner: web. Reads: ai_model_analytics, ai_models.
SELECT
    u.feature_id AS feature,
    m.provider || '/' || m.provider_model_id AS model
FROM (
    SELECT DISTINCT
        a.feature_id,
        a.model_id
    FROM ai_model_analytics AS a
    WHERE
        a.organization_id = cast(:organization_id AS uuid)
        AND a.date BETWEEN cast(:since AS date) AND cast(:until AS date)
) AS u
INNER JOIN ai_models AS m ON u.model_id = m.id
ORDER BY feature, model
LIMIT :max_rows;
