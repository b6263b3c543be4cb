-- Grain: one key that was asked. Owner: discovery. Writes: organization_provider_keys.
-- Parameter: keys, a JSON array of what each key answered. A key that could not be asked keeps when it last listed.
UPDATE organization_provider_keys AS k
SET
    health = r.health,
    health_reason = r.reason,
    checked_at = :now,
    listed_at = CASE WHEN r.health = 'valid' THEN cast(:now AS timestamptz) ELSE k.listed_at END
FROM
    jsonb_to_recordset(cast(:keys AS jsonb))
        AS r (organization_id uuid, provider text, health text, reason text)
WHERE k.organization_id = r.organization_id AND k.provider = r.provider;
