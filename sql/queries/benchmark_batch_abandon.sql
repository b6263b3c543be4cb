-- Grain: one batch that nobody could collect for days, such as one whose key is gone. Owner: benchmarks.
-- Writes: ai_benchmark_batches. What was held for it stays held: what it cost is not known.
UPDATE ai_benchmark_batches AS b
SET
    state = 'lost',
    closed_at = :now,
    items = (SELECT jsonb_agg(i.item - 'reference') FROM jsonb_array_elements(b.items) AS i (item))
WHERE b.state IN ('submitting', 'open') AND b.submitted_at < :before
RETURNING b.id::text AS id;
