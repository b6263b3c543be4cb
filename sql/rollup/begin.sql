-- Owner: analytics. Before the transaction's snapshot is taken: no day's events are dropped from under it.
LOCK TABLE ai_usage_events IN ACCESS SHARE MODE;
