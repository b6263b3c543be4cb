-- Grain: one feature. Owner: selection. Reads: ai_features.
SELECT
    f.id,
    f.use_case,
    f.required_capabilities
FROM ai_features AS f
ORDER BY f.id;
