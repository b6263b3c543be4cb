-- Grain: one model of one organization, held until the transaction ends. Owner: features.
-- Reads: ai_model_settings. As stored, so that the audit log can put it back.
SELECT
    s.enabled,
    s.parameters,
    s.limits,
    s.cost_options,
    s.fallback_model_ids::text[] AS fallback_model_ids
FROM ai_model_settings AS s
WHERE s.organization_id = cast(:organization_id AS uuid) AND s.model_id = cast(:model_id AS uuid)
FOR UPDATE;
