-- Grain: one key that was asked. Owner: discovery. Writes: alerts.
-- Parameter: keys, as in discovery_key_health. An alert is open while a key cannot be used for a reason that a person
-- must mend; a key that works again, or that somebody took away, closes it. One that cannot be reached changes
-- nothing: that is the vendor's trouble, not the key's.
WITH answered AS (
    SELECT
        r.*,
        k.secret_reference,
        'key:' || r.organization_id || ':' || r.provider AS natural_key
    FROM
        jsonb_to_recordset(cast(:keys AS jsonb))
            AS r (organization_id uuid, provider text, health text, reason text, simulated boolean)
    INNER JOIN organization_provider_keys AS k
        ON r.organization_id = k.organization_id AND r.provider = k.provider
),

resolved AS (
    UPDATE alerts AS a
    SET resolved_at = :now
    FROM answered AS r
    WHERE
        a.natural_key = r.natural_key
        AND a.resolved_at IS NULL
        AND r.health IN ('valid', 'not_configured')
)

INSERT INTO alerts AS a (
    organization_id, kind, severity, natural_key, message, details, raised_at, simulated
)
SELECT
    r.organization_id,
    'key',
    'warning',
    r.natural_key,
    'The ' || r.provider || ' key is ' || replace(r.health, '_', ' ') || ': ' || r.reason,
    jsonb_build_object('provider', r.provider, 'secret_reference', r.secret_reference),
    :now,
    r.simulated
FROM answered AS r
WHERE r.health IN ('refused', 'out_of_quota', 'no_permission', 'misconfigured')
ORDER BY r.natural_key
ON CONFLICT (natural_key) DO UPDATE SET
    severity = excluded.severity,
    message = excluded.message,
    details = excluded.details,
    resolved_at = NULL
WHERE
(a.message, a.details) IS DISTINCT FROM (excluded.message, excluded.details)
OR a.resolved_at IS NOT NULL;
