-- Grain: one due stream and new day on which most answers came from another model than before. Owner: drift.
-- Reads: drift_due, model_drift_days, ai_models, organizations.
SELECT
    c.number,
    c.organization_id::text AS organization_id,
    c.feature_id,
    c.model_id::text AS model_id,
    m.provider_model_id AS model,
    c.day,
    c.served_before,
    c.served_model,
    c.simulated
FROM (
    SELECT
        d.number,
        y.organization_id,
        y.feature_id,
        y.model_id,
        y.day,
        y.served_model,
        y.simulated,
        coalesce(
            lag(y.served_model) OVER (
                PARTITION BY y.organization_id, y.feature_id, y.model_id ORDER BY y.day
            ),
            d.served_model
        ) AS served_before
    FROM drift_due AS d
    INNER JOIN model_drift_days AS y
        ON
            d.organization_id = y.organization_id AND d.feature_id = y.feature_id AND d.model_id = y.model_id
            AND d.consumed_until < y.day
    WHERE y.served_model IS NOT NULL
) AS c
INNER JOIN ai_models AS m ON c.model_id = m.id
WHERE c.served_before <> c.served_model
ORDER BY c.number, c.day;
