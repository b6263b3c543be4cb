-- Grain: one block of a run's budget. Owner: benchmarks. Writes: spend_reservations.
UPDATE spend_reservations
SET settled_usd = cast(:settled_usd AS numeric)
WHERE id = cast(:id AS uuid);
