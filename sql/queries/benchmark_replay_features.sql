-- Grain: one feature of one organization with enough unexpired samples to learn from. Owner: benchmarks.
-- Reads: ai_workload_samples, ai_feature_settings, ai_features, ai_models. Samples without a reference
-- cannot be graded and do not count.
SELECT
    w.organization_id::text AS organization_id,
    w.feature_id,
    f.required_capabilities,
    s.current_model_id::text AS incumbent_id,
    m.provider AS incumbent_provider,
    m.provider_model_id AS incumbent_model,
    m.retires_on AS incumbent_retires_on,
    m.successor_model_id AS incumbent_successor,
    m.use_case_scores -> 'high_accuracy' ->> 'score' AS incumbent_high_accuracy,
    count(*) AS samples
FROM ai_workload_samples AS w
INNER JOIN organizations AS o ON w.organization_id = o.id
INNER JOIN ai_features AS f ON w.feature_id = f.id
LEFT JOIN ai_feature_settings AS s ON w.organization_id = s.organization_id AND w.feature_id = s.feature_id
LEFT JOIN ai_models AS m ON s.current_model_id = m.id
WHERE
    o.modelscout_enabled
    AND w.expires_at > cast(:now AS timestamptz)
    AND jsonb_typeof(w.reference) <> 'null'
    AND (
        cast(:organizations AS text[]) IS NULL
        OR o.slug = any(cast(:organizations AS text[]))
        OR o.id::text = any(cast(:organizations AS text[]))
    )
    AND (cast(:features AS text[]) IS NULL OR w.feature_id = any(cast(:features AS text[])))
GROUP BY w.organization_id, w.feature_id, f.id, s.current_model_id, m.id
HAVING count(*) >= :minimum
ORDER BY w.organization_id, w.feature_id;
