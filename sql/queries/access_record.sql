-- Grain: one key that was asked, or has paid for a probe. Owner: benchmarks. Writes: organization_provider_keys, alerts.
-- Parameter: rows, a JSON array. An alert is open while a key may list models and not call them.
WITH answered AS (
    SELECT
        r.*,
        'key_access:' || r.organization_id || ':' || r.provider AS natural_key
    FROM
        jsonb_to_recordset(cast(:rows AS jsonb))
            AS r (
                organization_id uuid, provider text, model text, error_type text, message text,
                simulated boolean
            )
),

noted AS (
    UPDATE organization_provider_keys AS k
    SET
        access_checked_at = :now,
        access_model = r.model,
        access_error_type = r.error_type
    FROM answered AS r
    WHERE k.organization_id = r.organization_id AND k.provider = r.provider
),

resolved AS (
    UPDATE alerts AS a
    SET resolved_at = :now
    FROM answered AS r
    WHERE a.natural_key = r.natural_key AND a.resolved_at IS NULL AND r.error_type IS NULL
)

INSERT INTO alerts AS a (
    organization_id, kind, severity, natural_key, message, details, raised_at, simulated
)
SELECT
    r.organization_id,
    'key_access',
    'warning',
    r.natural_key,
    r.message,
    jsonb_build_object('provider', r.provider, 'model', r.model, 'error_type', r.error_type),
    :now,
    r.simulated
FROM answered AS r
WHERE r.error_type IS NOT NULL
ORDER BY r.natural_key
ON CONFLICT (natural_key) DO UPDATE SET
    message = excluded.message,
    details = excluded.details,
    resolved_at = NULL;
