-- Grain: one candidate tried. Owner: recommender. Writes: the state of the proof in evidence_streams.
UPDATE evidence_streams AS e
SET
    n = i.n,
    first_sequence = coalesce(e.first_sequence, i.first_sequence),
    last_sequence = i.last_sequence,
    log_e_value = i.log_e_value,
    state = i.state
FROM
    jsonb_to_recordset(cast(:rows AS jsonb))
        AS i (
            organization_id uuid, feature_id text, reference_model_id uuid, model_id uuid, kind text,
            complexity text,
            n bigint,
            first_sequence bigint,
            last_sequence bigint,
            log_e_value double precision,
            state jsonb
        )
WHERE
    e.organization_id = i.organization_id
    AND e.feature_id = i.feature_id
    AND e.reference_model_id = i.reference_model_id
    AND e.candidate_model_id = i.model_id
    AND e.kind = i.kind
    AND e.complexity = i.complexity;
