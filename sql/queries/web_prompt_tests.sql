-- Grain: one prompt test of one feature that has not expired, the newest first, with its answers. Owner: web.
-- Reads: ai_prompt_tests, ai_prompt_test_answers, ai_models, ai_benchmark_runs, whose run has the test's id.
-- Parameters: organization_id, feature_id, id (NULL: all), now, max_rows.
SELECT
    t.id,
    t.feature_id,
    t.asked_by,
    t.asked_at,
    t.expires_at,
    t.prompt,
    t.image IS NOT NULL AS has_image,
    t.max_output_tokens,
    t.spend_limit_usd,
    coalesce(r.status, 'queued') AS status,
    (
        SELECT
            jsonb_agg(
                jsonb_build_object(
                    'model_id', m.id,
                    'model', m.provider || '/' || m.provider_model_id,
                    'answered', a.test_id IS NOT NULL,
                    'answer', a.answer,
                    'error_type', a.error_type,
                    'error_message', a.error_message,
                    'served_model', a.served_model,
                    'duration_ms', a.duration_ms,
                    'time_to_first_token_ms', a.time_to_first_token_ms,
                    'input_tokens', coalesce(a.input_tokens, 0),
                    'output_tokens', coalesce(a.output_tokens, 0),
                    'cost_usd', cast(a.cost_usd AS text),
                    'simulated', coalesce(a.simulated, FALSE)
                )
                ORDER BY n.position
            )
        FROM unnest(t.model_ids) WITH ORDINALITY AS n (id, position)
        INNER JOIN ai_models AS m ON n.id = m.id
        LEFT JOIN ai_prompt_test_answers AS a ON t.id = a.test_id AND m.id = a.model_id
    ) AS answers
FROM ai_prompt_tests AS t
LEFT JOIN ai_benchmark_runs AS r ON t.id = r.id
WHERE
    t.organization_id = cast(:organization_id AS uuid)
    AND t.feature_id = :feature_id
    AND t.expires_at > cast(:now AS timestamptz)
    AND (cast(:id AS uuid) IS NULL OR t.id = cast(:id AS uuid))
ORDER BY t.asked_at DESC, t.id ASC
LIMIT :max_rows;
