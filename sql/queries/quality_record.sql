-- Grain: one expectation in one validation of one suite, over all organizations (organization_id NULL) or where it
-- failed in one. Owner: quality. Writes: data_quality_results.
INSERT INTO data_quality_results (
    run_key, suite, table_name, expectation, severity, organization_id, success, observed, checked_at
)
VALUES (
    :run_key, :suite, :table_name, :expectation, :severity, cast(:organization_id AS uuid), :success,
    cast(:observed AS jsonb), :now
);
