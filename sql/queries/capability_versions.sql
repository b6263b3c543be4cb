-- Grain: one probed capability of one version that answers under some model's name. Owner: benchmarks.
-- Reads: ai_model_capabilities, model_events, ai_models, of vendors' own models and those of these providers. A
-- version counts as known when it was asked itself, since the model last changed: what was taken over from another
-- name is not taken over again.
SELECT
    m.provider,
    c.served_model,
    m.provider_model_id AS model,
    c.capability,
    c.result = 'verified' AS ok,
    c.tested_at
FROM ai_model_capabilities AS c
INNER JOIN ai_models AS m ON c.model_id = m.id
LEFT JOIN vendor_model_drifts AS d ON m.id = d.model_id
WHERE
    m.provider = any(cast(:providers AS text[]))
    AND m.owner_organization_id IS NULL
    AND c.served_model IS NOT NULL
    AND c.tested_at >= greatest(m.updated_at, d.drifted_at, cast(:stale_before AS timestamptz))
    AND NOT c.evidence ? 'same_version_as'
ORDER BY m.provider ASC, c.served_model ASC, c.capability ASC, c.tested_at DESC;
