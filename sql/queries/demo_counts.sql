-- Grain: one row of counts over the demo's organizations.
-- Owner: demo.seed. Reads: organizations, ai_feature_settings, ai_usage_events, ai_usage_outcomes,
-- ai_workload_samples. Writes: nothing.
WITH demo AS (
    SELECT id FROM organizations
    WHERE id = any(cast(:ids AS uuid[]))
)

SELECT
    (SELECT count(*) FROM demo) AS organizations,
    (
        SELECT count(*)
        FROM ai_feature_settings
        WHERE organization_id IN (SELECT id FROM demo)
    ) AS settings,
    (
        SELECT count(*)
        FROM ai_usage_events
        WHERE organization_id IN (SELECT id FROM demo) AND simulated
    ) AS events,
    (
        SELECT count(*)
        FROM ai_usage_outcomes
        WHERE organization_id IN (SELECT id FROM demo)
    ) AS outcomes,
    (
        SELECT count(*)
        FROM ai_workload_samples
        WHERE organization_id IN (SELECT id FROM demo)
    ) AS samples
