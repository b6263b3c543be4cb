-- Grain: one key that was asked. Owner: discovery. Writes: organization_provider_keys.
-- Parameter: keys, a JSON array of what each key answered. A key that could not be asked keeps when it last listed.
UPDATE organization_provider_keys AS k
SET
    -- A vendor that is away tells nothing of a key that was bad before.
    health = CASE
        WHEN
            r.health = 'unreachable'
            AND k.health IN ('refused', 'out_of_quota', 'no_permission', 'misconfigured')
            THEN k.health
        ELSE r.health
    END,
    health_reason = r.reason,
    checked_at = :now,
    speaks_for_vendor = CASE WHEN r.health = 'valid' THEN r.speaks_for_vendor ELSE k.speaks_for_vendor END,
    listed_at = CASE WHEN r.health = 'valid' THEN cast(:now AS timestamptz) ELSE k.listed_at END
FROM
    jsonb_to_recordset(cast(:keys AS jsonb))
        AS r (
            organization_id uuid, provider text, health text, reason text, speaks_for_vendor boolean
        )
WHERE k.organization_id = r.organization_id AND k.provider = r.provider;
