-- Grain: one item of one organization's feature that one model answered recently: it is not paid again,
-- unless the model has changed under its id since. Owner: benchmarks. Reads: ai_benchmark_results, model_events,
-- ai_benchmark_answers: what waits for its judge is paid too.
SELECT DISTINCT
    r.feature_id,
    r.model_id::text AS model_id,
    r.case_key
FROM ai_benchmark_results AS r
LEFT JOIN ai_benchmark_answers AS a ON r.id = a.result_id
LEFT JOIN model_drifts AS d ON r.organization_id = d.organization_id AND r.model_id = d.model_id
WHERE
    r.organization_id = cast(:organization_id AS uuid)
    AND r.source = 'replay'
    AND r.finished_at >= cast(:since AS timestamptz)
    AND r.finished_at >= coalesce(d.drifted_at, '-infinity')
    AND (r.score IS NOT NULL OR r.error_type = 'bad_request' OR a.result_id IS NOT NULL);
