-- Grain: one benchmark run. Owner: benchmarks. Writes: ai_benchmark_runs.
-- A run waits only before anybody has decided, is decided only while it waits, and ends once.
UPDATE ai_benchmark_runs
SET
    status = :status,
    decided_by = coalesce(cast(:decided_by AS text), decided_by),
    decided_at = coalesce(cast(:now AS timestamptz), decided_at),
    finished_at = CASE WHEN :status IN ('declined', 'cancelled') THEN cast(:now AS timestamptz) END
WHERE
    id = cast(:run_id AS uuid)
    AND (
        (:status = 'waiting_for_approval' AND status = 'running' AND decided_at IS NULL)
        OR (:status IN ('running', 'declined') AND status = 'waiting_for_approval')
        OR (:status = 'cancelled' AND status IN ('running', 'waiting_for_approval'))
    );
