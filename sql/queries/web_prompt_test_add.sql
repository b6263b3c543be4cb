-- Grain: one prompt test. Owner: web. Writes: ai_prompt_tests.
INSERT INTO ai_prompt_tests (
    id, organization_id, feature_id, asked_by, asked_at, expires_at, model_ids, prompt, image,
    image_media_type, max_output_tokens, spend_limit_usd
)
VALUES (
    cast(:id AS uuid), cast(:organization_id AS uuid), :feature_id, :asked_by, :now, :expires_at,
    cast(:model_ids AS uuid[]), :prompt, cast(:image AS bytea), :image_media_type, :max_output_tokens,
    cast(:spend_limit_usd AS numeric)
);
