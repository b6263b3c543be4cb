-- Evidence: shares of the error that are given once, the oldest result that a proof rests on, its kind.

ALTER TABLE evidence_streams
ADD COLUMN kind text NOT NULL DEFAULT 'paired' CHECK (kind IN ('paired', 'randomised')),
ADD COLUMN error_share double precision CHECK (error_share > 0 AND error_share < 1),
ADD COLUMN first_sequence bigint;
-- What streams were given so far. Later rounds get a fifth of 0.05 / (r (r - 1)), which is less than what
-- these left over.
UPDATE evidence_streams SET error_share = 0.05 / (ordinal * (ordinal + 1));
ALTER TABLE evidence_streams ALTER COLUMN error_share SET NOT NULL;
ALTER TABLE evidence_streams DROP CONSTRAINT evidence_streams_pkey;
ALTER TABLE evidence_streams ADD CONSTRAINT evidence_streams_pkey PRIMARY KEY (
    organization_id, feature_id, reference_model_id, candidate_model_id, kind
);
COMMENT ON COLUMN evidence_streams.ordinal IS
'Round: candidates first tried in the same night share one; rounds count anew after a year.';
COMMENT ON COLUMN evidence_streams.first_sequence IS
'Oldest result of the proof. Where older results expired, as those of a model that changed, it begins anew.';
COMMENT ON COLUMN ai_feature_settings.reference_model_id IS
'The model that the margin is fixed to: a switch that was recommended does not move it.';
