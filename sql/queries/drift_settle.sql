-- Grain: one consumed day whose outcomes have had their time to come in. Owner: drift.
-- Reads: ai_model_analytics. Writes: model_drift_days.judged and score_sum, once and for good.
UPDATE model_drift_days AS d
SET
    judged = coalesce(a.outcome_count, 0),
    score_sum = coalesce(a.outcome_score_sum, 0)
FROM model_drift_days AS w
LEFT JOIN ai_model_analytics AS a
    ON
        w.organization_id = a.organization_id AND w.feature_id = a.feature_id AND w.model_id = a.model_id
        AND w.day = a.date
WHERE
    w.judged IS NULL
    AND w.day < cast(:settled_before AS date)
    AND d.organization_id = w.organization_id
    AND d.feature_id = w.feature_id
    AND d.model_id = w.model_id
    AND d.day = w.day;
