-- Grain: one batch that is done with. Owner: benchmarks. Writes: ai_benchmark_batches.
-- Returns nothing where somebody else has closed it: then its results are theirs. References are an organization's
-- own data and leave with the last use.
UPDATE ai_benchmark_batches AS b
SET
    state = :state,
    closed_at = :now,
    items = (SELECT jsonb_agg(i.item - 'reference') FROM jsonb_array_elements(b.items) AS i (item))
WHERE b.id = cast(:batch_id AS uuid) AND b.state IN ('submitting', 'open')
RETURNING b.id::text AS id;
