-- Grain: one verdict of the calibration of one judge that was begun last and not finished. Owner: benchmarks.
-- Reads: ai_judge_calibration_verdicts, ai_judge_calibrations.
WITH open_verdicts AS (
    SELECT v.*
    FROM ai_judge_calibration_verdicts AS v
    WHERE
        v.judge_model_id = cast(:judge_model_id AS uuid)
        AND v.organization_id IS NOT DISTINCT FROM cast(:organization_id AS uuid)
        AND v.simulated = :simulated
        AND v.item_set = :item_set
        AND v.judged_at >= cast(:since AS timestamptz)
        AND NOT EXISTS (
            SELECT 1
            FROM ai_judge_calibrations AS c
            WHERE c.id = v.calibration_id
        )
)

SELECT
    v.calibration_id::text AS calibration_id,
    v.item_key,
    v.served_model,
    v.score,
    v.cost_usd
FROM open_verdicts AS v
WHERE v.calibration_id = (
    SELECT o.calibration_id
    FROM open_verdicts AS o
    ORDER BY o.judged_at DESC, o.calibration_id ASC
    LIMIT 1
);
