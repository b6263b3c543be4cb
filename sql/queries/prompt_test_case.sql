-- Grain: one prompt test that has not expired, with the models that have answered. Owner: benchmarks.
-- Reads: ai_prompt_tests, ai_prompt_test_answers.
SELECT
    t.id,
    cast(t.organization_id AS text) AS organization_id,
    t.feature_id,
    cast(t.model_ids AS text[]) AS model_ids,
    t.prompt,
    t.image,
    t.image_media_type,
    t.max_output_tokens,
    t.spend_limit_usd,
    (
        SELECT coalesce(array_agg(cast(a.model_id AS text)), '{}')
        FROM ai_prompt_test_answers AS a
        WHERE a.test_id = t.id
    ) AS answered
FROM ai_prompt_tests AS t
WHERE t.id = cast(:test_id AS uuid) AND t.expires_at > cast(:now AS timestamptz);
