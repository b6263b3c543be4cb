-- Grain: one candidate tried for one feature, or one level of its complexity, against one reference. Owner: recommender.
-- Writes: evidence_streams. A share of the year's error is given once and kept; a stream whose older results
-- expired, as those of a model that changed, begins anew with another share.
INSERT INTO evidence_streams (
    organization_id, feature_id, reference_model_id, candidate_model_id, kind, complexity, ordinal,
    error_share, first_sequence, first_tried_at
)
SELECT
    cast(i.organization_id AS uuid),
    i.feature_id,
    cast(i.reference_model_id AS uuid),
    cast(i.model_id AS uuid),
    i.kind,
    i.complexity,
    i.ordinal,
    i.error_share,
    i.first_sequence,
    :now
FROM
    jsonb_to_recordset(cast(:rows AS jsonb))
        AS i (
            organization_id text, feature_id text, reference_model_id text, model_id text, kind text,
            complexity text, ordinal integer, error_share double precision, first_sequence bigint
        )
ON CONFLICT ON CONSTRAINT evidence_streams_pkey DO UPDATE SET
    ordinal = excluded.ordinal,
    error_share = excluded.error_share,
    first_sequence = excluded.first_sequence,
    first_tried_at = excluded.first_tried_at,
    log_e_value = NULL;
