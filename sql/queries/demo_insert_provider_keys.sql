-- Grain: one provider of one organization; the name of the secret, never the key.
-- Owner: demo.seed. Reads: nothing. Writes: organization_provider_keys.
INSERT INTO organization_provider_keys (organization_id, provider, secret_reference)
VALUES (cast(:organization_id AS uuid), :provider, :secret_reference)
ON CONFLICT DO NOTHING
