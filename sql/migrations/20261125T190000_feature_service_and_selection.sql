-- What the feature service keeps, and how clients that hold it in memory hear of changes.

ALTER TABLE ai_feature_settings ADD COLUMN workload_models jsonb NOT NULL DEFAULT '[]'
CHECK (jsonb_typeof(workload_models) = 'array');
COMMENT ON COLUMN ai_feature_settings.workload_models IS
'Models for kinds of work, the first that fits counts: [{"when": {"complexity": ["low"]}, "model_id": "…"}]';

-- The entry of this log that an entry takes back.
ALTER TABLE audit_log ADD COLUMN undoes bigint UNIQUE REFERENCES audit_log (id);
CREATE INDEX audit_log_subject ON audit_log (organization_id, subject, id DESC);

-- Organizations by a number of 0 to 1023: tells which to read again without saying whose they are.
CREATE FUNCTION modelscout.selection_slot(organization uuid) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ((get_byte(uuid_send(organization), 14) & 3) * 256 + get_byte(uuid_send(organization), 15))::smallint;

-- Grain: one slot of organizations that one transaction changed; slot -1 stands for models and features, which are
-- everybody's. Reads: selection. Writes: the triggers below. Deletes: maintain_warehouse, after a day.
-- A client knows what it has not seen by the transaction, which the order of commits cannot fool.
CREATE TABLE selection_versions (
    slot smallint NOT NULL CHECK (slot BETWEEN -1 AND 1023),
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (changed_in, slot)
);

-- Writers of what selection reads need no privilege of their own for it, also not an application that owns
-- organizations and ai_models.
CREATE FUNCTION modelscout.note_selection_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    IF TG_TABLE_NAME IN ('ai_models', 'ai_model_capabilities', 'ai_features', 'ai_model_prices') THEN
        INSERT INTO public.selection_versions (slot)
        SELECT -1 WHERE EXISTS (SELECT 1 FROM changed)
        ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO public.selection_versions (slot)
        SELECT DISTINCT modelscout.selection_slot(c.organization_id)
        FROM changed AS c
        ON CONFLICT DO NOTHING;
    END IF;
    IF FOUND THEN
        PERFORM pg_notify('modelscout_selection', pg_current_xact_id()::text);
    END IF;
    RETURN NULL;
END;
$function$;

CREATE FUNCTION modelscout.note_organization_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    INSERT INTO public.selection_versions (slot)
    VALUES (modelscout.selection_slot(NEW.id))
    ON CONFLICT DO NOTHING;
    PERFORM pg_notify('modelscout_selection', pg_current_xact_id()::text);
    RETURN NULL;
END;
$function$;

DO $triggers$
DECLARE
    target text;
    occasion text;
BEGIN
    FOREACH target IN ARRAY ARRAY[
        'ai_feature_settings', 'ai_model_settings', 'ai_model_recommendations', 'ai_model_availability',
        'organization_provider_keys', 'ai_models', 'ai_model_capabilities', 'ai_features', 'ai_model_prices'
    ] LOOP
        FOREACH occasion IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE'] LOOP
            EXECUTE format(
                'CREATE TRIGGER selection_%s AFTER %s ON %I REFERENCING %s TABLE AS changed '
                'FOR EACH STATEMENT EXECUTE FUNCTION modelscout.note_selection_change()',
                lower(occasion), occasion, target, CASE occasion WHEN 'DELETE' THEN 'OLD' ELSE 'NEW' END
            );
        END LOOP;
    END LOOP;
END;
$triggers$;
CREATE TRIGGER selection_update
AFTER UPDATE OF slug, modelscout_enabled, allowed_providers, allowed_regions ON organizations
FOR EACH ROW EXECUTE FUNCTION modelscout.note_organization_change();

-- The providers that a session may use, without the references to their keys: an organization's own role its own,
-- the application's those of the organization that it scoped the transaction to, the pipeline all.
CREATE FUNCTION modelscout.callable_providers()
RETURNS TABLE (organization_id uuid, organization text, provider text, region text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
SELECT
    k.organization_id,
    k.organization,
    k.provider,
    k.region
FROM public.usable_provider_keys AS k
WHERE
    k.works
    AND k.organization_id = (
        SELECT
            CASE
                WHEN own.id IS NOT NULL THEN own.id
                WHEN pg_has_role(session_user, 'modelscout_application', 'USAGE')
                    THEN modelscout.transaction_organization()
            END
        FROM (SELECT modelscout.session_organization() AS id) AS own
        WHERE NOT pg_has_role(session_user, 'modelscout_pipeline', 'USAGE')
    )
UNION ALL
SELECT
    k.organization_id,
    k.organization,
    k.provider,
    k.region
FROM public.usable_provider_keys AS k
WHERE k.works AND pg_has_role(session_user, 'modelscout_pipeline', 'USAGE')
$function$;
-- It reads as the owner, whom FORCE binds too where the owner is no superuser.
CREATE POLICY owner_reads ON organization_provider_keys FOR SELECT TO current_user USING (TRUE);

GRANT SELECT ON selection_versions TO modelscout_pipeline, modelscout_application, modelscout_organization;
GRANT DELETE ON selection_versions TO modelscout_pipeline;
REVOKE EXECUTE ON FUNCTION modelscout.note_selection_change(), modelscout.note_organization_change()
FROM public;
GRANT EXECUTE ON FUNCTION modelscout.selection_slot(uuid) TO public;
REVOKE EXECUTE ON FUNCTION modelscout.callable_providers() FROM public;
GRANT EXECUTE ON FUNCTION modelscout.callable_providers()
TO modelscout_pipeline, modelscout_application, modelscout_organization;

CREATE OR REPLACE VIEW feature_assignments WITH (security_invoker = TRUE) AS
SELECT
    s.organization_id,
    s.feature_id,
    m.provider,
    m.provider_model_id AS model,
    s.current_model_id,
    s.fallback_model_ids,
    s.parameters,
    s.margin,
    s.monthly_budget_usd,
    s.updated_at,
    s.workload_models,
    s.limits
FROM ai_feature_settings AS s
LEFT JOIN ai_models AS m ON s.current_model_id = m.id;
-- docs/contract.md says what a version promises; a test holds the views to it.
COMMENT ON VIEW feature_assignments IS 'Contract 1.0';
COMMENT ON VIEW current_model_recommendations IS 'Contract 1.0';
COMMENT ON VIEW model_catalog IS 'Contract 1.0';

-- Grain: one model as selection sees it; scores by use case, the price of a million tokens of which a fifth are
-- output. A price that is not known is NULL.
CREATE VIEW selection_models WITH (security_invoker = TRUE) AS
SELECT
    m.id,
    m.provider,
    m.provider_model_id AS model,
    m.owner_organization_id,
    extract(EPOCH FROM m.retires_on)::double precision AS retires_at_s,
    coalesce(c.verified, '{}') AS verified,
    coalesce(c.contradicted, '{}') AS contradicted,
    coalesce((
        SELECT jsonb_object_agg(u.key, (u.value ->> 'score')::double precision)
        FROM jsonb_each(m.use_case_scores) AS u
        WHERE jsonb_typeof(u.value -> 'score') = 'number'
    ), '{}') AS scores,
    p.usd_per_million_tokens
FROM ai_models AS m
LEFT JOIN LATERAL (
    SELECT
        array_agg(x.capability ORDER BY x.capability) FILTER (WHERE x.result = 'verified') AS verified,
        array_agg(x.capability ORDER BY x.capability) FILTER (WHERE x.result = 'contradicted') AS contradicted
    FROM ai_model_capabilities AS x
    WHERE x.model_id = m.id
) AS c ON TRUE
LEFT JOIN LATERAL (
    SELECT
        (0.8 * x.input_usd_per_million_tokens + 0.2 * x.output_usd_per_million_tokens)::double precision
            AS usd_per_million_tokens
    FROM ai_model_prices AS x
    WHERE
        x.provider = m.provider
        AND x.provider_model_id = m.provider_model_id
        AND x.organization_id IS NULL
        AND x.processing = 'standard'
        AND x.above_input_tokens = 0
        AND x.superseded_at IS NULL
        AND x.valid_from <= now()
    ORDER BY x.valid_from DESC
    LIMIT 1
) AS p ON TRUE
WHERE m.provider IS NOT NULL AND m.provider_model_id IS NOT NULL;
GRANT SELECT ON selection_models
TO modelscout_pipeline, modelscout_application, modelscout_organization;
