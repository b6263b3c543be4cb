-- Grain: one due stream that was watched long enough, or whose model changed. Owner: drift. Writes:
-- model_drift_state, model_drift_days.
-- Its days from reference_from (days since 1970-01-01) on begin the next watch; earlier ones are forgotten.
WITH renewed AS (
    SELECT
        d.organization_id,
        d.feature_id,
        d.model_id,
        date '1970-01-01' + r.reference_from AS reference_from
    FROM
        unnest(cast(:numbers AS bigint[]), cast(:reference_from AS integer[])) AS r (number, reference_from)
    INNER JOIN drift_due AS d ON r.number = d.number
),

forgotten AS (
    DELETE FROM model_drift_days AS y
    USING renewed AS r
    WHERE
        y.organization_id = r.organization_id
        AND y.feature_id = r.feature_id
        AND y.model_id = r.model_id
        AND y.day < r.reference_from
)

UPDATE model_drift_state AS s
SET reference_from = r.reference_from
FROM renewed AS r
WHERE
    s.organization_id = r.organization_id
    AND s.feature_id = r.feature_id
    AND s.model_id = r.model_id;
