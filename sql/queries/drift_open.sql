-- Grain: one stream that nobody watches yet. Owner: drift. Reads: ai_model_analytics. Writes: model_drift_state.
-- It begins with its first day since :first_day; days that are not over are nobody's yet.
INSERT INTO model_drift_state (organization_id, feature_id, model_id, reference_from, consumed_until)
SELECT
    a.organization_id,
    a.feature_id,
    a.model_id,
    min(a.date),
    min(a.date) - 1
FROM ai_model_analytics AS a
WHERE
    a.date >= cast(:first_day AS date)
    AND a.date < cast(:today AS date)
    AND a.organization_id IS NOT NULL
    AND a.feature_id IS NOT NULL
    AND a.model_id IS NOT NULL
GROUP BY a.organization_id, a.feature_id, a.model_id
ORDER BY a.organization_id, a.feature_id, a.model_id
ON CONFLICT (organization_id, feature_id, model_id) DO NOTHING;
