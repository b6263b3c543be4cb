-- Grain: one enabled key of one enabled organization. Owner: discovery.
-- Reads: organizations, organization_provider_keys.
SELECT
    k.organization_id::text AS organization_id,
    o.slug AS organization,
    k.provider,
    k.secret_reference,
    o.simulated
FROM organization_provider_keys AS k
INNER JOIN organizations AS o ON k.organization_id = o.id
WHERE
    k.enabled
    AND o.modelscout_enabled
    AND (
        cast(:organization_ids AS uuid[]) IS NULL
        OR k.organization_id = any(cast(:organization_ids AS uuid[]))
    )
ORDER BY k.organization_id, k.provider;
