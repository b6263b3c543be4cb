-- Grain: one listed model. Owner: discovery. Writes: ai_models. Parameter: rows, a JSON array.
-- A model nobody knows becomes an incomplete row, a fine-tune one that only its organization sees; what the vendor states about lifecycle and limits now
-- overrides the catalog.
INSERT INTO ai_models AS m (
    id, provider, provider_model_id, name, aliases, context_window_tokens, max_output_tokens, deprecated_on,
    retires_on, lifecycle_source, owner_organization_id, updated_at
)
SELECT
    gen_random_uuid(),
    r.provider,
    r.provider_model_id,
    coalesce(r.display_name, r.provider_model_id),
    '{}',
    r.context_window_tokens,
    r.max_output_tokens,
    r.deprecated_on,
    r.retires_on,
    CASE WHEN r.states_lifecycle THEN 'vendor' END,
    CASE WHEN r.is_private THEN cast(:organization_id AS uuid) END,
    :now
FROM
    jsonb_to_recordset(cast(:rows AS jsonb))
        AS r (
            provider text, provider_model_id text, display_name text, context_window_tokens bigint,
            max_output_tokens bigint, deprecated_on date, retires_on date, states_lifecycle boolean,
            is_private boolean
        )
ON CONFLICT (provider, provider_model_id) DO UPDATE SET
    context_window_tokens = coalesce(excluded.context_window_tokens, m.context_window_tokens),
    max_output_tokens = coalesce(excluded.max_output_tokens, m.max_output_tokens),
    deprecated_on
    = CASE WHEN excluded.lifecycle_source = 'vendor' THEN excluded.deprecated_on ELSE m.deprecated_on END,
    retires_on
    = CASE WHEN excluded.lifecycle_source = 'vendor' THEN excluded.retires_on ELSE m.retires_on END,
    lifecycle_source = coalesce(excluded.lifecycle_source, m.lifecycle_source),
    updated_at = excluded.updated_at
WHERE
(
    coalesce(excluded.context_window_tokens, m.context_window_tokens),
    coalesce(excluded.max_output_tokens, m.max_output_tokens)
) IS DISTINCT FROM (m.context_window_tokens, m.max_output_tokens)
OR (
    excluded.lifecycle_source = 'vendor'
    AND (m.deprecated_on, m.retires_on, m.lifecycle_source)
    IS DISTINCT FROM (excluded.deprecated_on, excluded.retires_on, 'vendor')
);
