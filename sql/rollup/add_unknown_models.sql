-- Grain: one model that events name and nobody knows. Owner: analytics. Writes: ai_models.
-- It becomes an incomplete row, so that its requests count and its missing price shows; a fine-tune's row is
-- its organization's own. Every name is looked up once, not every event.
WITH names AS MATERIALIZED (
    SELECT
        e.provider,
        e.requested_model,
        min(e.organization_id::text)::uuid AS organization_id
    FROM changed_days AS d
    INNER JOIN ai_usage_events AS e
        ON
            d.organization_id = e.organization_id
            AND e.occurred_at >= d.day::timestamp AT TIME ZONE 'UTC'
            AND e.occurred_at < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
    GROUP BY e.provider, e.requested_model
)

INSERT INTO ai_models (id, provider, provider_model_id, name, owner_organization_id)
SELECT
    md5('modelscout:' || n.provider || '/' || n.requested_model)::uuid,
    n.provider,
    n.requested_model,
    n.requested_model,
    CASE WHEN n.requested_model LIKE 'ft:%' THEN n.organization_id END
FROM names AS n
LEFT JOIN LATERAL modelscout.model_named(n.provider, n.requested_model) AS m ON TRUE
WHERE m.model_id IS NULL
ON CONFLICT DO NOTHING;
