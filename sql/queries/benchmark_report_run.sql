-- Grain: one benchmark run with what it spent. Owner: benchmarks. Reads: ai_benchmark_runs, spend_reservations.
-- A block that nobody settled counts in full.
SELECT
    r.kind,
    r.status,
    r.spend_limit_usd AS limit_usd,
    coalesce(
        (
            SELECT sum(coalesce(s.settled_usd, s.reserved_usd))
            FROM spend_reservations AS s
            WHERE s.run_id = r.id
        ), 0
    ) AS spent_usd,
    r.planned,
    (
        SELECT count(*)
        FROM ai_benchmark_results AS d
        WHERE d.run_id = r.id
    ) AS done
FROM ai_benchmark_runs AS r
WHERE r.id = cast(:run_id AS uuid);
