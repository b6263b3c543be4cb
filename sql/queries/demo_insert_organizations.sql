-- Grain: one simulated organization. Idempotent: what stands already is left as it is.
-- Owner: demo.seed. Reads: nothing. Writes: organizations.
INSERT INTO organizations (id, slug, name, simulated)
VALUES (cast(:id AS uuid), :slug, :name, TRUE)
ON CONFLICT DO NOTHING
