-- Owner: analytics. Where events added by transactions that are still open begin: the next rollup starts there.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS added_before;
