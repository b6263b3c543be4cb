-- Grain: one candidate tried against the model in use. Owner: recommender. Reads: evidence_streams.
SELECT
    e.organization_id::text AS organization_id,
    e.feature_id,
    e.candidate_model_id::text AS model_id,
    e.ordinal
FROM evidence_streams AS e
INNER JOIN ai_feature_settings AS s
    ON
        e.organization_id = s.organization_id AND e.feature_id = s.feature_id
        AND e.reference_model_id = s.current_model_id;
