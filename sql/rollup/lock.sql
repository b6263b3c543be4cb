-- Owner: analytics. One rollup at a time; the lock ends with the transaction. Returns where events added by
-- transactions that are still open begin: the next rollup starts there.
SELECT
    pg_advisory_xact_lock(4301190002) IS NULL AS locked,
    pg_snapshot_xmin(pg_current_snapshot())::text AS added_before;
