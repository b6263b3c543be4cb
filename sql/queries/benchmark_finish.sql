-- Grain: one benchmark run. Owner: benchmarks. Reads: ai_benchmark_results. Writes: ai_benchmark_runs.
-- One that was stopped stays so.
UPDATE ai_benchmark_runs AS r
SET
    status = CASE WHEN r.status IN ('running', 'finished') THEN 'finished' ELSE r.status END,
    finished_at = CASE WHEN r.status IN ('running', 'finished') THEN :now ELSE r.finished_at END,
    done = c.done,
    failed = c.failed
FROM (
    SELECT
        count(*) AS done,
        count(b.error_type) FILTER (WHERE b.error_type <> 'ungraded') AS failed
    FROM ai_benchmark_results AS b
    WHERE b.run_id = cast(:run_id AS uuid)
) AS c
WHERE r.id = cast(:run_id AS uuid);
