-- Where an organization's data may go, which keys may be used, and models that belong to one organization alone.

-- NULL allows everything; a list, also an empty one, allows what is in it. A region is where a key's endpoint
-- processes data, 'global' where nobody promises one.
ALTER TABLE organizations ADD COLUMN IF NOT EXISTS allowed_providers text[];
ALTER TABLE organizations ADD COLUMN IF NOT EXISTS allowed_regions text[];
ALTER TABLE organization_provider_keys ADD COLUMN region text NOT NULL DEFAULT 'global' CHECK (region <> '');
-- When the key last listed its models: that is also when every model that is not missing was last seen.
ALTER TABLE organization_provider_keys ADD COLUMN listed_at timestamptz;
CREATE INDEX organization_provider_keys_enabled ON organization_provider_keys (provider, organization_id)
WHERE enabled;

-- The keys that may be used at all, and the one place that says so. Discovery, probes, benchmarks, candidates and
-- failover read this view, never the table.
CREATE VIEW usable_provider_keys WITH (security_invoker = TRUE) AS
SELECT
    k.organization_id,
    k.provider,
    k.secret_reference,
    k.region,
    k.allows_platform_probes,
    k.health,
    k.health_reason,
    k.checked_at,
    k.listed_at,
    k.health NOT IN ('refused', 'out_of_quota', 'not_configured', 'misconfigured') AS works,
    o.slug AS organization,
    o.simulated
FROM organization_provider_keys AS k
INNER JOIN organizations AS o ON k.organization_id = o.id
WHERE
    k.enabled
    AND o.modelscout_enabled
    AND (o.allowed_providers IS NULL OR k.provider = any(o.allowed_providers))
    AND (o.allowed_regions IS NULL OR k.region = any(o.allowed_regions))
    AND (cardinality(k.allowed_regions) = 0 OR k.region = any(k.allowed_regions));
GRANT SELECT ON usable_provider_keys TO modelscout_pipeline;

-- A model of one organization's key as people ask for it: with when it was last seen.
CREATE VIEW model_availability WITH (security_invoker = TRUE) AS
SELECT
    a.organization_id,
    a.model_id,
    m.provider,
    m.provider_model_id AS model,
    a.status,
    a.reason,
    a.first_seen_at,
    CASE WHEN a.missing_since IS NULL THEN greatest(a.last_seen_at, k.listed_at) ELSE a.last_seen_at END
        AS last_seen_at,
    a.missing_since,
    a.simulated
FROM ai_model_availability AS a
INNER JOIN ai_models AS m ON a.model_id = m.id
LEFT JOIN organization_provider_keys AS k
    ON a.organization_id = k.organization_id AND m.provider = k.provider;
GRANT SELECT ON model_availability TO modelscout_pipeline;

-- A nightly listing touches few rows of many: those that changed.
CREATE INDEX ai_model_availability_model ON ai_model_availability (model_id);

-- Two organizations may each have a model of their own under the same name, on servers of their own.
DROP INDEX ai_models_provider_key;
CREATE UNIQUE INDEX ai_models_provider_key ON ai_models (provider, provider_model_id, owner_organization_id)
NULLS NOT DISTINCT;

-- Whether a name that the catalog does not know names something of one organization's own: a fine-tune of OpenAI's
-- (ft:base:organization:suffix:id), or whatever a self-hosted endpoint or a gateway serves.
CREATE FUNCTION modelscout.is_private_model(provider_name text, named text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN provider_name = 'openai_compatible' OR named LIKE 'ft:%';

-- The model that an organization's application or vendor names: by its id, by an alias, or by an id with a day at
-- its end. Of other organizations' own models, none.
CREATE FUNCTION modelscout.model_named(provider_name text, named text, organization uuid)
RETURNS TABLE (model_id uuid, provider_model_id text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $function$
SELECT
    m.id,
    m.provider_model_id
FROM (
    SELECT
        x.id,
        x.provider_model_id,
        1 AS rank
    FROM public.ai_models AS x
    WHERE
        x.provider = provider_name
        AND x.provider_model_id = named
        AND (x.owner_organization_id IS NULL OR x.owner_organization_id = organization)
    UNION ALL
    SELECT
        x.id,
        x.provider_model_id,
        2 AS rank
    FROM public.ai_models AS x
    WHERE x.provider = provider_name AND named = any(x.aliases) AND x.owner_organization_id IS NULL
    UNION ALL
    SELECT
        x.id,
        x.provider_model_id,
        3 AS rank
    FROM public.ai_models AS x
    WHERE
        x.provider = provider_name
        AND x.provider_model_id = regexp_replace(named, '-(\d{4}-\d{2}-\d{2}|\d{8})$', '')
        AND x.owner_organization_id IS NULL
) AS m
ORDER BY m.rank
LIMIT 1
$function$;
GRANT EXECUTE ON FUNCTION modelscout.model_named(text, text, uuid) TO public;
GRANT EXECUTE ON FUNCTION modelscout.is_private_model(text, text) TO public;
DROP FUNCTION modelscout.model_named(text, text);
