-- Grain: one key that may be used. Owner: discovery. Reads: usable_provider_keys.
-- Filters that are NULL let everything pass.
SELECT
    k.organization_id::text AS organization_id,
    k.organization,
    k.provider,
    k.secret_reference,
    k.region,
    k.simulated
FROM usable_provider_keys AS k
WHERE
    (
        cast(:organization_ids AS uuid[]) IS NULL
        OR k.organization_id = any(cast(:organization_ids AS uuid[]))
    )
    AND (cast(:provider AS text) IS NULL OR k.provider = cast(:provider AS text))
ORDER BY k.organization_id, k.provider;
