-- Grain: one model that a key lists. Owner: discovery. Writes: ai_models.
-- Parameter: models, a JSON array of what keys list. A model that nobody knows becomes an incomplete row, one of an
-- organization's own a row that only it sees. What the vendor itself states about lifecycle and limits now overrides
-- the catalog; what a gateway or a server of somebody's own says is true for its own models only.
-- Only what is new or different is written: thousands of keys list the same models night after night.
WITH owned AS (
    SELECT
        r.*,
        CASE
            WHEN
                modelscout.is_private_model(r.provider, r.provider_model_id)
                -- What only a gateway or a server of somebody's own knows is as private as its name.
                OR (NOT r.speaks_for_vendor AND shared.id IS NULL)
                THEN r.organization_id
        END AS owner_organization_id
    FROM
        jsonb_to_recordset(cast(:models AS jsonb))
            AS r (
                organization_id uuid, provider text, provider_model_id text, display_name text,
                context_window_tokens bigint, max_output_tokens bigint, deprecated_on date, retires_on date,
                states_lifecycle boolean, speaks_for_vendor boolean
            )
    LEFT JOIN ai_models AS shared
        ON
            r.provider = shared.provider
            AND r.provider_model_id = shared.provider_model_id
            AND shared.owner_organization_id IS NULL
),

listed AS (
    SELECT DISTINCT ON (o.provider, o.provider_model_id, o.owner_organization_id)
        o.*,
        o.speaks_for_vendor OR o.owner_organization_id IS NOT NULL AS counts
    FROM owned AS o
    -- Where several keys list a model, the vendor's own word counts; else the first in order.
    ORDER BY
        o.provider ASC, o.provider_model_id ASC, o.owner_organization_id ASC, o.speaks_for_vendor DESC,
        o.states_lifecycle DESC, o.organization_id ASC
),

news AS (
    SELECT l.*
    FROM listed AS l
    LEFT JOIN ai_models AS m
        ON
            l.provider = m.provider
            AND l.provider_model_id = m.provider_model_id
            AND l.owner_organization_id IS NOT DISTINCT FROM m.owner_organization_id
    WHERE
        m.id IS NULL
        OR (
            l.counts
            AND (
                coalesce(l.context_window_tokens, m.context_window_tokens),
                coalesce(l.max_output_tokens, m.max_output_tokens)
            ) IS DISTINCT FROM (m.context_window_tokens, m.max_output_tokens)
        )
        OR (
            l.counts
            AND l.states_lifecycle
            AND (m.deprecated_on, m.retires_on, m.lifecycle_source)
            IS DISTINCT FROM (l.deprecated_on, l.retires_on, 'vendor')
        )
)

INSERT INTO ai_models AS m (
    id, provider, provider_model_id, name, aliases, context_window_tokens, max_output_tokens, deprecated_on,
    retires_on, lifecycle_source, owner_organization_id, updated_at
)
SELECT
    gen_random_uuid(),
    n.provider,
    n.provider_model_id,
    coalesce(n.display_name, n.provider_model_id),
    '{}',
    CASE WHEN n.counts THEN n.context_window_tokens END,
    CASE WHEN n.counts THEN n.max_output_tokens END,
    CASE WHEN n.counts THEN n.deprecated_on END,
    CASE WHEN n.counts THEN n.retires_on END,
    CASE WHEN n.counts AND n.states_lifecycle THEN 'vendor' END,
    n.owner_organization_id,
    :now
FROM news AS n
-- One order for all writers, so that two shards never wait for each other in a ring.
ORDER BY n.provider, n.provider_model_id, n.owner_organization_id
ON CONFLICT (provider, provider_model_id, owner_organization_id) DO UPDATE SET
    context_window_tokens = coalesce(excluded.context_window_tokens, m.context_window_tokens),
    max_output_tokens = coalesce(excluded.max_output_tokens, m.max_output_tokens),
    deprecated_on
    = CASE WHEN excluded.lifecycle_source = 'vendor' THEN excluded.deprecated_on ELSE m.deprecated_on END,
    retires_on
    = CASE WHEN excluded.lifecycle_source = 'vendor' THEN excluded.retires_on ELSE m.retires_on END,
    lifecycle_source = coalesce(excluded.lifecycle_source, m.lifecycle_source),
    -- A key that is told another limit is no other model: it would be probed anew.
    updated_at = CASE
        WHEN
            excluded.lifecycle_source = 'vendor'
            AND (m.deprecated_on, m.retires_on) IS DISTINCT FROM (excluded.deprecated_on, excluded.retires_on)
            THEN excluded.updated_at
        ELSE m.updated_at
    END;
