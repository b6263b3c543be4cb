-- Grain: one model by its natural key, so that assignments have an id to name; discovery fills the rest.
-- Owner: demo.seed. Reads: nothing. Writes: ai_models.
INSERT INTO ai_models (provider, provider_model_id, name)
VALUES (:provider, :model, :name)
ON CONFLICT (provider, provider_model_id, owner_organization_id) DO NOTHING
