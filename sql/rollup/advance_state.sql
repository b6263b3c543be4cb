-- Grain: one slot of organizations. Owner: analytics. Writes: usage_rollup_state.
INSERT INTO usage_rollup_state (slot, added_before, updated_at)
SELECT
    s.slot,
    cast(:added_before AS xid8),
    :now
FROM unnest(cast(:slots AS smallint[])) AS s (slot)
ON CONFLICT (slot) DO UPDATE SET added_before = excluded.added_before, updated_at = excluded.updated_at;
