-- Grain: one batch that the vendor has taken. Owner: benchmarks. Writes: ai_benchmark_batches.
-- Returns nothing where somebody else has closed it meanwhile.
UPDATE ai_benchmark_batches
SET
    state = 'open',
    vendor_batch_id = :vendor_batch_id
WHERE id = cast(:batch_id AS uuid) AND state = 'submitting'
RETURNING id::text AS id;
