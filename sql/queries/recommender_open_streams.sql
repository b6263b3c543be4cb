-- Grain: one candidate tried for one feature against the model in use. Owner: recommender.
-- Writes: evidence_streams. The ordinal, given once and kept, decides the candidate's share of the error of a
-- year; after a year without being tried a feature's count begins again.
INSERT INTO evidence_streams (
    organization_id, feature_id, reference_model_id, candidate_model_id, ordinal, first_tried_at
)
SELECT
    cast(i.organization_id AS uuid),
    i.feature_id,
    s.current_model_id,
    cast(i.model_id AS uuid),
    (
        SELECT count(*)
        FROM evidence_streams AS e
        WHERE
            e.organization_id = cast(i.organization_id AS uuid)
            AND e.feature_id = i.feature_id
            AND e.first_tried_at > cast(:now AS timestamptz) - interval '1 year'
    ) + row_number() OVER (PARTITION BY i.organization_id, i.feature_id ORDER BY i.first_sequence),
    :now
FROM
    jsonb_to_recordset(cast(:rows AS jsonb))
        AS i (organization_id text, feature_id text, model_id text, first_sequence bigint)
INNER JOIN ai_feature_settings AS s
    ON cast(i.organization_id AS uuid) = s.organization_id AND i.feature_id = s.feature_id
WHERE
    NOT EXISTS (
        SELECT 1
        FROM evidence_streams AS e
        WHERE
            e.organization_id = s.organization_id
            AND e.feature_id = s.feature_id
            AND e.reference_model_id = s.current_model_id
            AND e.candidate_model_id = cast(i.model_id AS uuid)
    )
ON CONFLICT DO NOTHING;
