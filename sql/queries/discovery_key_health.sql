-- Grain: one key. Owner: discovery. Writes: organization_provider_keys.
UPDATE organization_provider_keys
SET health = :health, health_reason = :reason, checked_at = :now
WHERE organization_id = cast(:organization_id AS uuid) AND provider = :provider;
