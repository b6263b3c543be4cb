-- Grain: one model that events name and nobody knows. Owner: analytics. Writes: ai_models.
-- It becomes an incomplete row, so that its requests count and its missing price shows; a model of one
-- organization's own is its row alone. Every name is looked up once, not every event.
WITH names AS MATERIALIZED (
    SELECT
        e.organization_id,
        e.provider,
        e.requested_model
    FROM changed_days AS d
    INNER JOIN ai_usage_events AS e
        ON
            d.organization_id = e.organization_id
            AND e.occurred_at >= d.day::timestamp AT TIME ZONE 'UTC'
            AND e.occurred_at < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
    GROUP BY e.organization_id, e.provider, e.requested_model
),

unknown AS (
    SELECT DISTINCT
        n.provider,
        n.requested_model,
        CASE
            WHEN modelscout.is_private_model(n.provider, n.requested_model) THEN n.organization_id
        END AS owner
    FROM names AS n
    LEFT JOIN LATERAL modelscout.model_named(n.provider, n.requested_model, n.organization_id) AS m ON TRUE
    WHERE m.model_id IS NULL
)

INSERT INTO ai_models (id, provider, provider_model_id, name, owner_organization_id)
SELECT
    md5('modelscout:' || u.provider || '/' || u.requested_model || coalesce('@' || u.owner::text, ''))::uuid,
    u.provider,
    u.requested_model,
    u.requested_model,
    u.owner
FROM unknown AS u
ORDER BY u.provider, u.requested_model, u.owner
ON CONFLICT DO NOTHING;
