-- Grain: one row. Owner: analytics. Reads: usage_rollup_state.
-- since: what transactions from this one on added may be missing in the rollup of some of :slots.
-- added_before: where events added by transactions that are still open begin; the next rollup starts there.
SELECT
    least(min(coalesce(r.added_before, '0'::xid8)), pg_snapshot_xmin(pg_current_snapshot()))::text AS since,
    pg_snapshot_xmin(pg_current_snapshot())::text AS added_before
FROM unnest(cast(:slots AS smallint[])) AS s (slot)
LEFT JOIN usage_rollup_state AS r ON s.slot = r.slot;
