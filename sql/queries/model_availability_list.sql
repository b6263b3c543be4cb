-- Grain: one model for one organization's key. Owner: analytics. Reads: ai_model_availability, organizations,
-- organization_provider_keys, ai_model_settings. organization_ids NULL means all. What ails comes first.
SELECT
    o.slug AS organization,
    coalesce(o.name, o.slug, cast(o.id AS text)) AS organization_name,
    a.status,
    a.reason,
    a.first_seen_at,
    CASE WHEN a.missing_since IS NULL THEN greatest(a.last_seen_at, k.listed_at) ELSE a.last_seen_at END
        AS last_seen_at,
    a.missing_since,
    k.region,
    k.health AS key_health,
    coalesce(s.enabled, TRUE) AS enabled,
    a.simulated,
    count(*) OVER () AS keys
FROM ai_model_availability AS a
INNER JOIN ai_models AS m ON a.model_id = m.id
INNER JOIN organizations AS o ON a.organization_id = o.id
LEFT JOIN organization_provider_keys AS k ON a.organization_id = k.organization_id AND m.provider = k.provider
LEFT JOIN ai_model_settings AS s ON a.organization_id = s.organization_id AND a.model_id = s.model_id
WHERE
    a.model_id = cast(:model_id AS uuid)
    AND (
        cast(:organization_ids AS uuid[]) IS NULL
        OR a.organization_id = any(cast(:organization_ids AS uuid[]))
    )
ORDER BY
    array_position(cast('{retired,unavailable,deprecated,active,available}' AS text[]), a.status) ASC,
    organization ASC
LIMIT :max_rows;
