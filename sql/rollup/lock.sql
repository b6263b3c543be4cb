-- Owner: analytics. One rollup at a time, until the transaction ends. A lock and not a function, so that the
-- transaction's snapshot is taken after it was granted; readers are not held up.
LOCK TABLE usage_rollup_state IN SHARE ROW EXCLUSIVE MODE;
