-- Grain: one model for one organization's key. Owner: discovery. Writes: ai_model_availability.
-- A model that a key no longer lists: noted the first night, confirmed gone the next time it is missing.
UPDATE ai_model_availability AS a
SET
    missing_since = coalesce(a.missing_since, :now),
    status = CASE
        WHEN a.status = 'retired' OR m.retires_on <= cast(:now AS timestamptz)::date THEN 'retired'
        WHEN a.missing_since IS NOT NULL AND a.missing_since < :now THEN 'unavailable'
        ELSE a.status
    END,
    reason = CASE
        WHEN a.status = 'retired' OR m.retires_on <= cast(:now AS timestamptz)::date
            THEN 'retired by the provider'
        WHEN a.missing_since IS NOT NULL AND a.missing_since < :now THEN 'no longer listed by the provider'
        ELSE 'not listed this time; to be confirmed'
    END,
    checked_at = :now
FROM ai_models AS m
WHERE
    a.model_id = m.id
    AND m.provider = :provider
    AND a.organization_id = cast(:organization_id AS uuid)
    AND a.checked_at < :now;
