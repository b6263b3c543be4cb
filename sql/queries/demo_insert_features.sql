-- Grain: one feature. Idempotent: a feature that stands already is left as it is.
-- Owner: demo.seed. Reads: nothing. Writes: ai_features.
INSERT INTO ai_features (id, name, required_capabilities, objective, default_margin, use_case)
VALUES (:id, :name, cast(:required_capabilities AS text[]), :objective, :default_margin, :use_case)
ON CONFLICT DO NOTHING
