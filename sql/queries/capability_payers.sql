-- Grain: one key that pays for probes, as "organization id/provider". Owner: benchmarks. Reads: ai_models.
-- Parameters: model_ids and organization_ids, pairwise.
SELECT DISTINCT t.organization_id::text || '/' || m.provider AS key
FROM unnest(cast(:model_ids AS uuid[]), cast(:organization_ids AS uuid[])) AS t (model_id, organization_id)
INNER JOIN ai_models AS m ON t.model_id = m.id
ORDER BY key;
