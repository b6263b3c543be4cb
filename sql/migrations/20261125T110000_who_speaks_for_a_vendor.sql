-- Whether the vendor itself answers for a key, rather than a gateway or a server of somebody's own: only then is what
-- the key shows of a vendor's model true for everybody. Discovery writes it with every list.
ALTER TABLE organization_provider_keys ADD COLUMN speaks_for_vendor boolean NOT NULL DEFAULT TRUE;

CREATE OR REPLACE VIEW usable_provider_keys WITH (security_invoker = TRUE) AS
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
    o.simulated,
    k.speaks_for_vendor
FROM organization_provider_keys AS k
INNER JOIN organizations AS o ON k.organization_id = o.id
WHERE
    k.enabled
    AND o.modelscout_enabled
    AND (o.allowed_providers IS NULL OR k.provider = any(o.allowed_providers))
    AND (o.allowed_regions IS NULL OR k.region = any(o.allowed_regions))
    AND (cardinality(k.allowed_regions) = 0 OR k.region = any(k.allowed_regions));

-- Of two models of one name an organization's own comes first.
CREATE OR REPLACE FUNCTION modelscout.model_named(provider_name text, named text, organization uuid)
RETURNS TABLE (model_id uuid, provider_model_id text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $function$
SELECT
    m.id,
    m.provider_model_id
FROM (
    SELECT
        x.id,
        x.provider_model_id,
        CASE WHEN x.owner_organization_id IS NULL THEN 1 ELSE 0 END AS rank
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
