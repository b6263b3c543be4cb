-- Grain: one candidate tried against a model that a feature is compared with tonight, or tried at all within the
-- last year. Owner: recommender. Reads: evidence_streams. `counts` says whether its round counts for this year.
SELECT
    e.organization_id::text AS organization_id,
    e.feature_id,
    e.reference_model_id::text AS reference_model_id,
    e.candidate_model_id::text AS model_id,
    e.kind,
    e.complexity,
    e.ordinal,
    e.error_share,
    e.first_sequence,
    coalesce(e.log_e_value, 0) AS log_e_value,
    e.first_tried_at > cast(:now AS timestamptz) - interval '1 year' AS counts
FROM evidence_streams AS e;
