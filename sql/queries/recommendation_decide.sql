-- Grain: one recommendation that a person decided. Owner: recommender. Writes: ai_model_recommendations.
UPDATE ai_model_recommendations
SET
    status = :status,
    decided_by = cast(:decided_by AS text),
    decided_at = cast(:decided_at AS timestamptz),
    decision_reason = cast(:decision_reason AS text),
    snoozed_until = cast(:snoozed_until AS date)
WHERE id = cast(:id AS uuid);
