-- Grain: one model that is everybody's. Owner: selection. Reads: selection_models.
SELECT
    m.id::text AS id,
    m.provider,
    m.model,
    m.retires_at_s,
    m.verified,
    m.contradicted,
    m.scores,
    m.usd_per_million_tokens
FROM selection_models AS m
WHERE m.owner_organization_id IS NULL
ORDER BY m.id;
