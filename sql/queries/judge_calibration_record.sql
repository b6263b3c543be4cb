-- Grain: one finished calibration. Owner: benchmarks. Writes: ai_judge_calibrations.
INSERT INTO ai_judge_calibrations (
    id, organization_id, judge_model_id, served_model, item_set, measured, passed, reasons, cost_usd,
    simulated, calibrated_at
)
VALUES (
    cast(:calibration_id AS uuid), cast(:organization_id AS uuid), cast(:judge_model_id AS uuid),
    :served_model, :item_set, cast(:measured AS jsonb), :passed, cast(:reasons AS text[]),
    cast(:cost_usd AS numeric), :simulated, :now
)
ON CONFLICT (id) DO NOTHING;
