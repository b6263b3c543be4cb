-- Grain: one batch of calls. Owner: benchmarks. Writes: ai_benchmark_batches, before the vendor is asked.
INSERT INTO ai_benchmark_batches (
    id, run_id, organization_id, model_id, secret_reference, state, items, reservation_id, simulated,
    submitted_at
)
VALUES (
    cast(:batch_id AS uuid), :run_id, cast(:organization_id AS uuid), cast(:model_id AS uuid),
    :secret_reference,
    'submitting', cast(:items AS jsonb), cast(:reservation_id AS uuid), :simulated, :submitted_at
);
