-- Grain: one block of a run's budget. Owner: benchmarks. Reads and writes: spend_reservations.
-- A block that nobody settled counts in full: its process died, and what it spent last is not known.
INSERT INTO spend_reservations (run_id, organization_id, reserved_usd)
SELECT
    :run_id,
    cast(:organization_id AS uuid),
    cast(:amount AS numeric)
WHERE
    cast(:amount AS numeric) + (
        SELECT coalesce(sum(coalesce(s.settled_usd, s.reserved_usd)), 0)
        FROM spend_reservations AS s
        WHERE s.run_id = :run_id
    ) <= cast(:spend_limit_usd AS numeric)
RETURNING id::text AS id;
