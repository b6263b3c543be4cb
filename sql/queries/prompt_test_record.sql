-- Grain: one answer of one model to one prompt test. Owner: benchmarks. Writes: ai_prompt_test_answers.
-- Parameter: rows, a JSON array. A model that has its answer keeps it; a test that is gone takes none.
INSERT INTO ai_prompt_test_answers (
    test_id, model_id, organization_id, answer, error_type, error_message, served_model, duration_ms,
    time_to_first_token_ms, input_tokens, output_tokens, cost_usd, answered_at, simulated
)
SELECT
    t.id,
    r.model_id,
    t.organization_id,
    r.answer,
    r.error_type,
    r.error_message,
    r.served_model,
    r.duration_ms,
    r.time_to_first_token_ms,
    coalesce(r.input_tokens, 0),
    coalesce(r.output_tokens, 0),
    r.cost_usd,
    r.finished_at,
    r.simulated
FROM
    jsonb_to_recordset(cast(:rows AS jsonb))
        AS r (
            model_id uuid, answer text, error_type text, error_message text, served_model text,
            duration_ms integer, time_to_first_token_ms integer, input_tokens bigint, output_tokens bigint,
            cost_usd numeric, finished_at timestamptz, simulated boolean
        )
INNER JOIN ai_prompt_tests AS t
    ON t.id = cast(:test_id AS uuid) AND t.organization_id = cast(:organization_id AS uuid)
ON CONFLICT (test_id, model_id) DO NOTHING;
