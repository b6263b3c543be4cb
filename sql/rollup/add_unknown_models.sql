-- Grain: one model that events name and nobody knows. Owner: analytics. Reads: usage_sums. Writes: ai_models.
-- It becomes an incomplete row, so that its requests count and its missing price shows; a model of one
-- organization's own is its row alone.
WITH names AS (
    SELECT DISTINCT
        s.organization_id,
        s.provider,
        s.requested_model
    FROM usage_sums AS s
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
