-- Grain: one due stream by its number. Owner: drift. Reads: drift_due, model_drift_days,
-- ai_models.
SELECT
    d.number,
    d.organization_id::text AS organization_id,
    d.feature_id,
    d.model_id::text AS model_id,
    m.provider_model_id AS model,
    exists(
        SELECT 1
        FROM model_drift_days AS y
        WHERE
            y.organization_id = d.organization_id
            AND y.feature_id = d.feature_id
            AND y.model_id = d.model_id
            AND y.simulated
    ) AS simulated
FROM drift_due AS d
INNER JOIN ai_models AS m ON d.model_id = m.id
WHERE d.number = any(cast(:numbers AS bigint[]))
ORDER BY d.number;
