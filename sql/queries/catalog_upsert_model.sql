-- Grain: one catalog model. Owner: discovery. Writes: ai_models.
-- What the vendor stated about lifecycle and limits stays: it is newer than the catalog.
INSERT INTO ai_models AS m (
    id, provider, provider_model_id, name, version, family, model_type, aliases, documented_capabilities,
    context_window_tokens, max_output_tokens, released_on, deprecated_on, retires_on, lifecycle_source,
    successor_model_id, in_catalog, use_case_scores, sources, updated_at
)
VALUES (
    gen_random_uuid(), :provider, :model_id, :name, :version, :family, :model_type, :aliases, :capabilities,
    :context_window_tokens, :max_output_tokens, :released_on, :deprecated_on, :retires_on, 'catalog',
    :successor, TRUE, cast(:use_case_scores AS jsonb), cast(:sources AS jsonb), :now
)
ON CONFLICT (provider, provider_model_id, owner_organization_id) DO UPDATE SET
    name = excluded.name,
    version = excluded.version,
    family = excluded.family,
    model_type = excluded.model_type,
    aliases = excluded.aliases,
    documented_capabilities = excluded.documented_capabilities,
    context_window_tokens = coalesce(m.context_window_tokens, excluded.context_window_tokens),
    max_output_tokens = coalesce(m.max_output_tokens, excluded.max_output_tokens),
    released_on = coalesce(excluded.released_on, m.released_on),
    deprecated_on
    = CASE WHEN m.lifecycle_source = 'vendor' THEN m.deprecated_on ELSE excluded.deprecated_on END,
    retires_on = CASE WHEN m.lifecycle_source = 'vendor' THEN m.retires_on ELSE excluded.retires_on END,
    lifecycle_source = coalesce(m.lifecycle_source, 'catalog'),
    successor_model_id = excluded.successor_model_id,
    in_catalog = TRUE,
    use_case_scores = excluded.use_case_scores,
    sources = excluded.sources,
    updated_at = excluded.updated_at
WHERE (
    m.name, m.version, m.family, m.model_type, m.aliases, m.documented_capabilities, m.successor_model_id,
    m.in_catalog, m.use_case_scores, m.sources,
    coalesce(m.context_window_tokens, excluded.context_window_tokens),
    coalesce(m.max_output_tokens, excluded.max_output_tokens),
    coalesce(excluded.released_on, m.released_on)
) IS DISTINCT FROM (
    excluded.name, excluded.version, excluded.family, excluded.model_type, excluded.aliases,
    excluded.documented_capabilities, excluded.successor_model_id, TRUE, excluded.use_case_scores,
    excluded.sources, m.context_window_tokens, m.max_output_tokens, m.released_on
) OR m.lifecycle_source IS NULL
OR (
    m.lifecycle_source = 'catalog'
    AND (m.deprecated_on, m.retires_on) IS DISTINCT FROM (excluded.deprecated_on, excluded.retires_on)
);
