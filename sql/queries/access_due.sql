-- Grain: one key to be asked whether it may really call. Owner: benchmarks. Reads: usable_provider_keys.
-- Due: never asked, asked too long ago, or refused the last time. Parameter: paying, the keys ("organization/provider")
-- that probes use anyway: those show it.
SELECT
    k.organization_id::text AS organization_id,
    k.provider
FROM usable_provider_keys AS k
WHERE
    k.health = 'valid'
    AND k.organization_id::text || '/' || k.provider <> all(cast(:paying AS text[]))
    AND (
        k.access_checked_at IS NULL
        OR k.access_checked_at < cast(:stale_before AS timestamptz)
        OR k.access_error_type IS NOT NULL
    )
ORDER BY k.organization_id, k.provider;
