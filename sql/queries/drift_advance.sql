-- Grain: one due stream. Owner: drift. Reads: drift_due, model_drift_days. Writes: model_drift_state.
-- Every day until yesterday is consumed, also one without traffic: what comes in for it later comes too late.
UPDATE model_drift_state AS s
SET
    consumed_until = cast(:today AS date) - 1,
    served_model = coalesce(
        (
            SELECT y.served_model
            FROM model_drift_days AS y
            WHERE
                y.organization_id = s.organization_id
                AND y.feature_id = s.feature_id
                AND y.model_id = s.model_id
                AND y.served_model IS NOT NULL
                AND y.day > s.consumed_until
            ORDER BY y.day DESC
            LIMIT 1
        ),
        s.served_model
    )
FROM drift_due AS d
WHERE
    s.organization_id = d.organization_id
    AND s.feature_id = d.feature_id
    AND s.model_id = d.model_id;
