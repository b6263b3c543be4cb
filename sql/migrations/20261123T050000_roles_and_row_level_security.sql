-- Who may see what. Forced row-level security on every table with an organization.
-- modelscout_pipeline: the nightly runs, passes by a policy. modelscout_application: the trusted role of a
-- multi-tenant application, scopes each transaction with set_config('modelscout.organization_id', id, true).
-- modelscout_organization: group of the organizations' own login roles, bound by organization_roles.

DO $roles$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY[
        'modelscout_pipeline', 'modelscout_application', 'modelscout_organization'
    ] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END;
$roles$;

-- The organization of this session: bound to the login role, which the role itself cannot change.
CREATE FUNCTION modelscout.session_organization() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN (
    SELECT r.organization_id
    FROM public.organization_roles AS r
    WHERE r.role_name = session_user
);

-- The organization that the application scoped this transaction to; nothing where it did not.
CREATE FUNCTION modelscout.transaction_organization() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN nullif(current_setting('modelscout.organization_id', TRUE), '')::uuid;

DO $policies$
DECLARE
    target record;
    readable text := 'organization_id = (SELECT modelscout.session_organization())';
    scoped text := 'organization_id = (SELECT modelscout.transaction_organization())';
BEGIN
    FOR target IN
        SELECT c.oid::regclass AS name, c.relname
        FROM pg_class AS c
        INNER JOIN pg_attribute AS a ON c.oid = a.attrelid AND a.attname = 'organization_id'
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND c.relname IN (
                'ai_model_availability', 'ai_model_prices', 'model_events', 'ai_feature_settings',
                'ai_model_settings', 'organization_provider_keys', 'organization_members',
                'organization_roles', 'audit_log', 'alerts', 'ai_usage_events', 'ai_usage_outcomes',
                'ai_usage_quarantine', 'ai_model_analytics', 'ai_benchmark_results', 'ai_workload_samples',
                'spend_reservations', 'evidence_streams', 'ai_model_recommendations',
                'recommendation_outcomes', 'recommendation_ratings'
            )
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target.name);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target.name);
        EXECUTE format(
            'CREATE POLICY pipeline ON %s TO modelscout_pipeline USING (TRUE) WITH CHECK (TRUE)', target.name
        );
        IF target.relname = 'ai_model_prices' THEN
            readable := '(organization_id IS NULL OR '
                || 'organization_id = (SELECT modelscout.session_organization()))';
            scoped := '(organization_id IS NULL OR '
                || 'organization_id = (SELECT modelscout.transaction_organization()))';
        ELSE
            readable := 'organization_id = (SELECT modelscout.session_organization())';
            scoped := 'organization_id = (SELECT modelscout.transaction_organization())';
        END IF;
        EXECUTE format(
            'CREATE POLICY own_rows ON %s TO modelscout_organization USING (%s)', target.name, readable
        );
        EXECUTE format(
            'CREATE POLICY scoped_rows ON %s TO modelscout_application USING (%s)', target.name, scoped
        );
    END LOOP;
END;
$policies$;

-- Private models are visible to their owner only; rows without an owner stay as the application has them.
ALTER TABLE ai_models ENABLE ROW LEVEL SECURITY;
ALTER TABLE ai_models FORCE ROW LEVEL SECURITY;
CREATE POLICY modelscout_shared ON ai_models USING (owner_organization_id IS NULL);
CREATE POLICY modelscout_pipeline ON ai_models TO modelscout_pipeline USING (TRUE) WITH CHECK (TRUE);
CREATE POLICY modelscout_own ON ai_models FOR SELECT TO modelscout_organization
USING (owner_organization_id = (SELECT modelscout.session_organization()));
CREATE POLICY modelscout_scoped ON ai_models FOR SELECT TO modelscout_application
USING (owner_organization_id = (SELECT modelscout.transaction_organization()));

-- What was probed of a private model is as private as the model: the inner read obeys the policies above.
ALTER TABLE ai_model_capabilities ENABLE ROW LEVEL SECURITY;
ALTER TABLE ai_model_capabilities FORCE ROW LEVEL SECURITY;
CREATE POLICY pipeline ON ai_model_capabilities TO modelscout_pipeline USING (TRUE) WITH CHECK (TRUE);
CREATE POLICY of_visible_models ON ai_model_capabilities FOR SELECT
TO modelscout_application, modelscout_organization
USING (
    EXISTS (
        SELECT 1
        FROM ai_models AS m
        WHERE m.id = ai_model_capabilities.model_id
    )
);

-- session_organization() runs as the owner, whom FORCE binds too where the owner is no superuser.
CREATE POLICY owner_reads ON organization_roles FOR SELECT TO current_user USING (TRUE);

GRANT USAGE ON SCHEMA public, modelscout TO
modelscout_pipeline, modelscout_application, modelscout_organization;
GRANT SELECT, INSERT, UPDATE, DELETE ON
organizations, ai_models, ai_model_availability, ai_model_capabilities, ai_model_prices, model_events,
ai_features, ai_feature_settings, ai_model_settings, organization_provider_keys, organization_members,
alerts, ai_usage_events, ai_usage_outcomes, ai_usage_quarantine, ai_model_analytics,
usage_rollup_state, data_quality_results, ai_benchmark_runs, ai_benchmark_results, ai_workload_samples,
spend_reservations, evidence_streams, recommender_runs, ai_model_recommendations,
recommendation_outcomes, recommendation_ratings
TO modelscout_pipeline;
GRANT SELECT ON organization_roles TO modelscout_pipeline;
GRANT SELECT, INSERT ON audit_log TO modelscout_pipeline;
GRANT SELECT ON current_model_recommendations, model_catalog, feature_assignments
TO modelscout_pipeline, modelscout_application, modelscout_organization;
GRANT SELECT ON
ai_models, ai_model_availability, ai_model_capabilities, ai_model_prices, model_events, ai_features,
ai_feature_settings, ai_model_settings, alerts, ai_model_analytics, ai_benchmark_results,
ai_model_recommendations, recommendation_outcomes, recommendation_ratings
TO modelscout_application, modelscout_organization;
GRANT SELECT, INSERT ON ai_usage_events, ai_usage_outcomes, ai_workload_samples
TO modelscout_application, modelscout_organization;
GRANT EXECUTE ON FUNCTION modelscout.session_organization(), modelscout.transaction_organization()
TO public;
REVOKE EXECUTE ON FUNCTION modelscout.ensure_usage_partitions(date, date) FROM public;
GRANT EXECUTE ON FUNCTION modelscout.ensure_usage_partitions(date, date) TO modelscout_pipeline;
