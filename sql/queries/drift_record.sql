-- Grain: one change of a model on one organization's feature. Owner: drift. Writes: model_events, once.
-- occurred_at is the end of the last day seen: what was measured before it may be of the former model.
INSERT INTO model_events (organization_id, model_id, kind, natural_key, details, occurred_at, simulated)
VALUES (
    cast(:organization_id AS uuid), cast(:model_id AS uuid), :kind, :natural_key, cast(:details AS jsonb),
    (cast(:day AS date) + 1)::timestamp AT TIME ZONE 'UTC', :simulated
)
ON CONFLICT (natural_key) DO NOTHING;
