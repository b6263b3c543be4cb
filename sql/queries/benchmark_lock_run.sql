-- Grain: one benchmark run. Owner: benchmarks. Reads: ai_benchmark_runs. Holds a lock until the transaction ends.
-- Whoever reserves money does it alone, whatever the run: a day's limit is for all of them. The sums are read by the
-- next statement, with a new snapshot.
SELECT
    r.spend_limit_usd,
    pg_advisory_xact_lock(hashtext('modelscout.spend_reservations'))
FROM ai_benchmark_runs AS r
WHERE r.id = :run_id;
