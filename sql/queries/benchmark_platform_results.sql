-- Grain: one settled case of one model in one platform suite: its latest conclusive result since a moment.
-- Owner: benchmarks. Reads: ai_benchmark_results, of other runs than except_run where one is given, model_events,
-- ai_benchmark_answers, ai_judge_calibrations. A refused request is conclusive, a failed call is not; what was
-- measured before the model changed under its id no longer holds. An answer that waits for its judge is paid already:
-- settled, but it does not count, and neither does a failed judge's verdict.
SELECT DISTINCT ON (r.model_id, r.suite, r.case_key)
    r.model_id::text AS model_id,
    r.feature_id,
    r.suite,
    r.case_key,
    r.score::double precision AS score,
    r.finished_at,
    coalesce(r.error_type, '') <> 'ungraded' AND coalesce(k.passed, TRUE) AS counts
FROM ai_benchmark_results AS r
LEFT JOIN ai_judge_calibrations AS k ON r.judge_calibration_id = k.id
LEFT JOIN ai_benchmark_answers AS a ON r.id = a.result_id
LEFT JOIN vendor_model_drifts AS d ON r.model_id = d.model_id
WHERE
    r.source = 'platform'
    AND r.run_id IS DISTINCT FROM cast(:except_run AS uuid)
    AND r.finished_at >= cast(:since AS timestamptz)
    AND r.finished_at >= coalesce(d.drifted_at, '-infinity')
    AND (r.score IS NOT NULL OR r.error_type = 'bad_request' OR a.result_id IS NOT NULL)
ORDER BY r.model_id ASC, r.suite ASC, r.case_key ASC, r.sequence DESC;
