-- Grain: one row. Owner: analytics. Writes: usage_rollup_state.
INSERT INTO usage_rollup_state (slot, added_before, updated_at)
VALUES (0, cast(:added_before AS xid8), :now)
ON CONFLICT (slot) DO UPDATE SET added_before = excluded.added_before, updated_at = excluded.updated_at;
