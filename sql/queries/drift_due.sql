-- Grain: one stream with days to consume, numbered from 0. Owner: drift. Reads: model_drift_state, alerts.
-- Writes: the temporary table drift_due. An organization whose rollup differs from its events waits.
CREATE TEMPORARY TABLE drift_due ON COMMIT DROP AS
SELECT
    s.organization_id,
    s.feature_id,
    s.model_id,
    s.reference_from,
    s.consumed_until,
    s.latency_thresholds,
    s.unit_prices,
    s.served_model,
    row_number() OVER (ORDER BY s.organization_id, s.feature_id, s.model_id) - 1 AS number
FROM model_drift_state AS s
WHERE
    s.latency_thresholds IS NOT NULL
    AND s.consumed_until < cast(:today AS date) - 1
    AND NOT EXISTS (
        SELECT 1
        FROM alerts AS a
        WHERE
            a.organization_id = s.organization_id
            AND a.kind = 'reconciliation'
            AND a.resolved_at IS NULL
    );
