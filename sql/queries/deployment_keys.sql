-- Grain: one usable key of an organization. Owner: orchestration. No parameters.
-- Reads: usable_provider_keys.
SELECT
    k.organization,
    k.provider,
    k.secret_reference,
    k.region,
    k.health,
    k.access_error_type,
    k.works
FROM usable_provider_keys AS k
ORDER BY k.organization, k.provider;
