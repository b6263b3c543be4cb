-- Grain: one slot of organizations. Owner: analytics. Nobody else rolls these slots up until the connection lets go or
-- ends; asked for in one order everywhere, so that nobody waits for each other.
SELECT pg_advisory_lock(1297303891, o.slot)
FROM (
    SELECT s.slot
    FROM unnest(cast(:slots AS integer[])) AS s (slot)
    ORDER BY s.slot
) AS o;
