-- Grain: one batch of these organizations that is not collected yet. Owner: benchmarks.
-- Reads: ai_benchmark_batches, ai_models.
SELECT
    b.id::text AS batch_id,
    b.run_id::text AS run_id,
    b.organization_id::text AS organization_id,
    b.model_id::text AS model_id,
    m.provider,
    m.provider_model_id AS model,
    b.secret_reference,
    b.vendor_batch_id,
    b.items,
    b.reservation_id::text AS reservation_id,
    b.simulated,
    b.submitted_at
FROM ai_benchmark_batches AS b
INNER JOIN ai_models AS m ON b.model_id = m.id
WHERE b.state IN ('submitting', 'open') AND b.organization_id = any(cast(:organization_ids AS uuid[]))
ORDER BY b.submitted_at, b.id;
