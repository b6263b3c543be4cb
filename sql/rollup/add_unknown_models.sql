-- Grain: one model that events name and nobody knows. Owner: analytics. Writes: ai_models.
-- It becomes an incomplete row, so that its requests count and its missing price shows; a fine-tune's row is
-- its organization's own.
INSERT INTO ai_models (id, provider, provider_model_id, name, owner_organization_id)
SELECT
    md5('modelscout:' || e.provider || '/' || e.requested_model)::uuid,
    e.provider,
    e.requested_model,
    e.requested_model,
    CASE WHEN e.requested_model LIKE 'ft:%' THEN min(e.organization_id::text)::uuid END
FROM ai_usage_events AS e
INNER JOIN changed_days AS d
    ON
        e.organization_id = d.organization_id
        AND e.occurred_at >= d.day::timestamp AT TIME ZONE 'UTC'
        AND e.occurred_at < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
WHERE
    NOT EXISTS (
        SELECT 1
        FROM ai_models AS m
        WHERE
            m.provider = e.provider
            AND (
                m.provider_model_id = e.requested_model
                OR e.requested_model = any(m.aliases)
                OR m.provider_model_id = regexp_replace(e.requested_model, '-(\d{4}-\d{2}-\d{2}|\d{8})$', '')
            )
    )
GROUP BY e.provider, e.requested_model
ON CONFLICT DO NOTHING;
