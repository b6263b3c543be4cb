-- Grain: one open alert about a changed model. Owner: drift. Reads: model_drift_state. Writes: alerts.
-- It ends when the model has a full reference again: from then on it is watched as what it is now.
UPDATE alerts AS a
SET resolved_at = :now
FROM model_drift_state AS s
WHERE
    a.kind = 'drift'
    AND a.resolved_at IS NULL
    AND a.organization_id = s.organization_id
    AND a.details ->> 'feature_id' = s.feature_id
    AND a.details ->> 'model_id' = s.model_id::text
    AND s.points >= :reference_points;
