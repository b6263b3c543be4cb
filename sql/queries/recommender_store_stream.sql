-- Grain: one candidate tried. Owner: recommender. Writes: the state of the proof in evidence_streams.
UPDATE evidence_streams AS e
SET n = :n, last_sequence = :last_sequence, log_e_value = :log_e_value, state = cast(:state AS jsonb)
FROM ai_feature_settings AS s
WHERE
    e.organization_id = s.organization_id
    AND e.feature_id = s.feature_id
    AND e.reference_model_id = s.current_model_id
    AND e.organization_id = cast(:organization_id AS uuid)
    AND e.feature_id = :feature_id
    AND e.candidate_model_id = cast(:model_id AS uuid);
