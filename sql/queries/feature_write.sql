-- Grain: one feature of one organization. Owner: features. Writes: ai_feature_settings.
-- The model that the margin is fixed to, and what else people do not set here, stays.
INSERT INTO ai_feature_settings AS s (
    organization_id, feature_id, current_model_id, fallback_model_ids, parameters, margin, limits,
    monthly_budget_usd, auto_apply, objective, workload_models, updated_at, updated_by
)
VALUES (
    cast(:organization_id AS uuid), :feature_id, cast(:current_model_id AS uuid),
    cast(:fallback_model_ids AS uuid[]), cast(:parameters AS jsonb), :margin, cast(:limits AS jsonb),
    :monthly_budget_usd, :auto_apply, :objective, cast(:workload_models AS jsonb), :now, :actor
)
ON CONFLICT (organization_id, feature_id) DO UPDATE SET
    current_model_id = excluded.current_model_id,
    fallback_model_ids = excluded.fallback_model_ids,
    parameters = excluded.parameters,
    margin = excluded.margin,
    limits = excluded.limits,
    monthly_budget_usd = excluded.monthly_budget_usd,
    auto_apply = excluded.auto_apply,
    objective = excluded.objective,
    workload_models = excluded.workload_models,
    updated_at = excluded.updated_at,
    updated_by = excluded.updated_by;
