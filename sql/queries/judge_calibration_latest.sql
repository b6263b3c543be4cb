-- Grain: the newest calibration of one judge that holds, of one served version where one is named.
-- Owner: benchmarks. Reads: ai_judge_calibrations. Everybody's, or one organization's own.
SELECT
    c.id::text AS calibration_id,
    c.served_model,
    c.passed
FROM ai_judge_calibrations AS c
WHERE
    c.judge_model_id = cast(:judge_model_id AS uuid)
    AND c.organization_id IS NOT DISTINCT FROM cast(:organization_id AS uuid)
    AND c.simulated = :simulated
    AND c.item_set = :item_set
    AND c.calibrated_at >= cast(:since AS timestamptz)
    AND (cast(:served_model AS text) IS NULL OR c.served_model = :served_model)
ORDER BY c.calibrated_at DESC, c.id ASC
LIMIT 1;
