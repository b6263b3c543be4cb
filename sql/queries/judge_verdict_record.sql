-- Grain: one known answer of one calibration. Owner: benchmarks. Writes: ai_judge_calibration_verdicts.
INSERT INTO ai_judge_calibration_verdicts (
    calibration_id, item_key, organization_id, judge_model_id, served_model, item_set, score, cost_usd,
    simulated, judged_at
)
VALUES (
    cast(:calibration_id AS uuid), :item_key, cast(:organization_id AS uuid), cast(:judge_model_id AS uuid),
    :served_model, :item_set, :score, cast(:cost_usd AS numeric), :simulated, :now
)
ON CONFLICT (calibration_id, item_key) DO NOTHING;
