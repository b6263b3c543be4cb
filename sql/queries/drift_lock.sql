-- Owner: drift. One watch at a time, until the transaction ends; a lock and not a function, so that the
-- transaction's snapshot is taken after it was granted.
LOCK TABLE model_drift_state IN SHARE ROW EXCLUSIVE MODE;
