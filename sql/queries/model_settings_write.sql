-- Grain: one model of one organization. Owner: features. Writes: ai_model_settings.
INSERT INTO ai_model_settings (
    organization_id, model_id, enabled, parameters, limits, cost_options, fallback_model_ids, updated_at,
    updated_by
)
VALUES (
    cast(:organization_id AS uuid), cast(:model_id AS uuid), :enabled, cast(:parameters AS jsonb),
    cast(:limits AS jsonb), cast(:cost_options AS jsonb), cast(:fallback_model_ids AS uuid[]), :now, :actor
)
ON CONFLICT (organization_id, model_id) DO UPDATE SET
    enabled = excluded.enabled,
    parameters = excluded.parameters,
    limits = excluded.limits,
    cost_options = excluded.cost_options,
    fallback_model_ids = excluded.fallback_model_ids,
    updated_at = excluded.updated_at,
    updated_by = excluded.updated_by;
