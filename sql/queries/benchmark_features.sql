-- Grain: one feature. Owner: benchmarks. Reads: ai_features.
SELECT
    f.id AS feature_id,
    f.required_capabilities
FROM ai_features AS f
WHERE cast(:features AS text[]) IS NULL OR f.id = any(cast(:features AS text[]))
ORDER BY f.id;
