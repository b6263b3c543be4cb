-- Grain: one case of one model that some batch not yet collected asks, or that a batch of this run has asked.
-- Owner: benchmarks. Reads: ai_benchmark_batches.
SELECT
    b.model_id::text AS model_id,
    i.item -> 'columns' ->> 'suite' AS suite,
    i.item -> 'columns' ->> 'case_key' AS case_key,
    (i.item -> 'columns' ->> 'trial')::integer AS trial,
    b.state IN ('submitting', 'open') AS is_pending
FROM ai_benchmark_batches AS b
CROSS JOIN LATERAL jsonb_array_elements(b.items) AS i (item)
WHERE b.state IN ('submitting', 'open') OR b.run_id = :run_id;
