-- Grain: one due stream. Owner: drift. Reads: drift_due. Writes: the state of its test in model_drift_state.
UPDATE model_drift_state AS s
SET points = e.points, log_e_value = e.log_e_value
FROM
    unnest(
        cast(:numbers AS bigint[]), cast(:points AS integer[]), cast(:log_e_values AS double precision[])
    ) AS e (number, points, log_e_value)
INNER JOIN drift_due AS d ON e.number = d.number
WHERE
    s.organization_id = d.organization_id
    AND s.feature_id = d.feature_id
    AND s.model_id = d.model_id;
