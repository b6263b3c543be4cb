-- Grain: one stream whose figures shifted. Owner: drift. Writes: model_drift_state, model_drift_days.
-- Its reference begins again with :today; what was consumed before is of another model.
WITH forgotten AS (
    DELETE FROM model_drift_days AS y
    WHERE
        y.organization_id = cast(:organization_id AS uuid)
        AND y.feature_id = :feature_id
        AND y.model_id = cast(:model_id AS uuid)
)

UPDATE model_drift_state AS s
SET
    reference_from = cast(:today AS date),
    consumed_until = cast(:today AS date) - 1,
    latency_thresholds = NULL,
    unit_prices = NULL,
    points = 0,
    log_e_value = 0
WHERE
    s.organization_id = cast(:organization_id AS uuid)
    AND s.feature_id = :feature_id
    AND s.model_id = cast(:model_id AS uuid);
