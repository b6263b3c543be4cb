-- Grain: one workload sample to replay, newest first. Owner: benchmarks. Reads: ai_workload_samples.
SELECT
    w.item_key,
    w.prompt,
    w.image,
    w.image_media_type,
    w.json_schema,
    w.reference,
    w.grader,
    w.max_output_tokens,
    w.baseline_usage
FROM ai_workload_samples AS w
WHERE
    w.organization_id = cast(:organization_id AS uuid)
    AND w.feature_id = :feature_id
    AND w.expires_at > cast(:now AS timestamptz)
    AND jsonb_typeof(w.reference) <> 'null'
ORDER BY w.sampled_at DESC, w.item_key ASC
LIMIT :items;
