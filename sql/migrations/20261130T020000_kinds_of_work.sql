-- Evidence by kind of work: the complexity of an item stays with its results when the sample expires, and each
-- candidate's proof is kept for every level beside the one for the feature as a whole.

ALTER TABLE ai_benchmark_results
ADD COLUMN complexity text CHECK (complexity IN ('low', 'medium', 'high'));
COMMENT ON COLUMN ai_benchmark_results.complexity IS
'Of a replayed item: workload.complexity of its sample when it was answered; null where it names none.';
UPDATE ai_benchmark_results AS r
SET complexity = w.workload ->> 'complexity'
FROM ai_workload_samples AS w
WHERE
    r.source = 'replay'
    AND r.organization_id = w.organization_id
    AND r.feature_id = w.feature_id
    AND r.case_key = w.item_key
    AND w.workload ->> 'complexity' IN ('low', 'medium', 'high');

ALTER TABLE evidence_streams
ADD COLUMN complexity text NOT NULL DEFAULT 'any' CHECK (complexity IN ('any', 'low', 'medium', 'high'));
COMMENT ON COLUMN evidence_streams.complexity IS
'Kind of work that the proof is about; any: the feature as a whole. Levels are opened together.';
ALTER TABLE evidence_streams DROP CONSTRAINT evidence_streams_pkey;
ALTER TABLE evidence_streams ADD CONSTRAINT evidence_streams_pkey PRIMARY KEY (
    organization_id, feature_id, reference_model_id, candidate_model_id, kind, complexity
);
