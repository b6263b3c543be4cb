-- Grain: one item of one organization's feature that one model answered recently: it is not paid again.
-- Owner: benchmarks. Reads: ai_benchmark_results.
SELECT DISTINCT
    r.feature_id,
    r.model_id::text AS model_id,
    r.case_key
FROM ai_benchmark_results AS r
WHERE
    r.organization_id = cast(:organization_id AS uuid)
    AND r.source = 'replay'
    AND r.finished_at >= cast(:since AS timestamptz)
    AND (r.score IS NOT NULL OR r.error_type = 'bad_request');
