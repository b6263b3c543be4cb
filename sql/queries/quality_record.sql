-- Grain: one expectation in one validation of one table. Owner: quality. Writes: data_quality_results.
INSERT INTO data_quality_results (
    run_key, table_name, expectation, severity, success, observed, checked_at
)
VALUES (:run_key, :table_name, :expectation, :severity, :success, cast(:observed AS jsonb), :now)
ON CONFLICT (run_key, table_name, expectation) DO UPDATE SET
    success = excluded.success,
    observed = excluded.observed,
    checked_at = excluded.checked_at;
