-- Grain: one feature of one organization, held until the transaction ends. Owner: features.
-- Reads: ai_feature_settings. As stored, so that the audit log can put it back.
SELECT
    s.current_model_id::text AS current_model_id,
    s.fallback_model_ids::text[] AS fallback_model_ids,
    s.parameters,
    s.margin,
    s.limits,
    s.monthly_budget_usd,
    s.auto_apply,
    s.objective,
    s.workload_models
FROM ai_feature_settings AS s
WHERE s.organization_id = cast(:organization_id AS uuid) AND s.feature_id = :feature_id
FOR UPDATE;
