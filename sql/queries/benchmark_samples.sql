-- Grain: one workload sample to replay. Owner: benchmarks. Reads: ai_workload_samples.
-- Stratified by week, size and outcome in proportion to what there is, the newest first within each stratum: every
-- stratum is at (place - 1/2) / size of the way when it gives its next item, so that a prefix of any length mirrors
-- the whole, and the draw stays the same from night to night until there are other samples. Without proportion the failures, which are rare, would weigh more than they do in the work itself.
WITH fitting AS (
    SELECT
        w.item_key,
        w.prompt,
        w.image,
        w.image_media_type,
        w.json_schema,
        w.reference,
        w.grader,
        w.max_output_tokens,
        w.baseline_usage,
        w.sampled_at,
        date_trunc('week', w.sampled_at, 'UTC') AS week,
        ntile(3) OVER (ORDER BY length(w.prompt), md5(w.item_key)) AS size_third,
        coalesce(w.baseline_score >= 0.5, FALSE) AS was_right
    FROM ai_workload_samples AS w
    WHERE
        w.organization_id = cast(:organization_id AS uuid)
        AND w.feature_id = :feature_id
        AND w.expires_at > cast(:now AS timestamptz)
        AND jsonb_typeof(w.reference) <> 'null'
),

placed AS (
    SELECT
        f.*,
        (
            row_number() OVER (
                PARTITION BY f.week, f.size_third, f.was_right
                ORDER BY f.sampled_at DESC, f.item_key ASC
            ) - 0.5
        ) / count(*) OVER (PARTITION BY f.week, f.size_third, f.was_right) AS share
    FROM fitting AS f
)

SELECT
    item_key,
    prompt,
    image,
    image_media_type,
    json_schema,
    reference,
    grader,
    max_output_tokens,
    baseline_usage
FROM placed
ORDER BY share ASC, sampled_at DESC, item_key ASC
LIMIT :items;
