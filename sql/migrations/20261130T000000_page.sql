-- The page: its role, what each person sees and may change, and what people decide about recommendations.
-- modelscout_page is never logged in to. The page sets it for one transaction (SET LOCAL ROLE) together with the
-- organizations that the person behind the request may see and may change, so that a query that forgets to ask
-- for an organization still finds nothing foreign.

DO $roles$
BEGIN
    CREATE ROLE modelscout_page NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END;
$roles$;
-- Whoever works for all organizations may also work for fewer.
GRANT modelscout_page TO modelscout_pipeline;

-- The organizations that this transaction may see; none where nobody set them.
CREATE FUNCTION modelscout.page_visible() RETURNS uuid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN cast(
    string_to_array(nullif(nullif(current_setting('modelscout.page_visible', TRUE), ''), '*'), ',') AS uuid[]
);

CREATE FUNCTION modelscout.page_sees_all() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN coalesce(current_setting('modelscout.page_visible', TRUE) = '*', FALSE);

-- The organizations that this transaction may change.
CREATE FUNCTION modelscout.page_editable() RETURNS uuid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN cast(
    string_to_array(nullif(nullif(current_setting('modelscout.page_editable', TRUE), ''), '*'), ',') AS uuid[]
);

CREATE FUNCTION modelscout.page_changes_all() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN coalesce(current_setting('modelscout.page_editable', TRUE) = '*', FALSE);

REVOKE EXECUTE ON FUNCTION
modelscout.page_visible(),
modelscout.page_sees_all(),
modelscout.page_editable(),
modelscout.page_changes_all()
FROM public;
GRANT EXECUTE ON FUNCTION
modelscout.page_visible(),
modelscout.page_sees_all(),
modelscout.page_editable(),
modelscout.page_changes_all()
TO modelscout_page, modelscout_pipeline;

-- What a person said to a recommendation, and until when a snoozed one keeps quiet.
ALTER TABLE ai_model_recommendations
ADD COLUMN decision_reason text CHECK (length(decision_reason) <= 2000),
ADD COLUMN snoozed_until date;
ALTER TABLE recommendation_ratings ADD CHECK (length(comment) <= 2000);

DO $policies$
DECLARE
    target text;
    seen text;
    changed text := '((SELECT modelscout.page_changes_all()) '
        || 'OR organization_id = ANY ((SELECT modelscout.page_editable())::uuid[]))';
BEGIN
    FOREACH target IN ARRAY ARRAY[
        'ai_model_availability', 'ai_model_prices', 'model_events', 'ai_feature_settings', 'ai_model_settings',
        'organization_provider_keys', 'organization_members', 'audit_log', 'alerts', 'ai_usage_events',
        'ai_usage_outcomes', 'ai_usage_quarantine', 'ai_model_analytics', 'ai_model_analytics_hourly',
        'ai_usage_priced_sums', 'ai_benchmark_results', 'ai_benchmark_answers', 'ai_workload_samples',
        'spend_reservations', 'evidence_streams', 'ai_model_recommendations', 'recommendation_outcomes',
        'recommendation_ratings', 'recommendation_adoptions', 'model_drift_state', 'model_drift_days',
        'data_quality_results'
    ] LOOP
        seen := '(SELECT modelscout.page_sees_all()) '
            || 'OR organization_id = ANY ((SELECT modelscout.page_visible())::uuid[])';
        IF target IN ('ai_model_prices', 'model_events', 'ai_benchmark_results', 'alerts') THEN
            -- Without an organization it is everybody's.
            seen := seen || ' OR organization_id IS NULL';
        END IF;
        EXECUTE format('CREATE POLICY page_reads ON %I FOR SELECT TO modelscout_page USING (%s)', target, seen);
        EXECUTE format('GRANT SELECT ON %I TO modelscout_page', target);
    END LOOP;
    FOREACH target IN ARRAY ARRAY[
        'ai_feature_settings', 'ai_model_settings', 'recommendation_ratings', 'audit_log'
    ] LOOP
        EXECUTE format(
            'CREATE POLICY page_adds ON %I FOR INSERT TO modelscout_page WITH CHECK (%s)', target, changed
        );
        EXECUTE format('GRANT INSERT ON %I TO modelscout_page', target);
    END LOOP;
    FOREACH target IN ARRAY ARRAY[
        'ai_feature_settings', 'ai_model_settings', 'recommendation_ratings', 'ai_model_recommendations'
    ] LOOP
        EXECUTE format(
            'CREATE POLICY page_changes ON %I FOR UPDATE TO modelscout_page USING (%s) WITH CHECK (%s)',
            target, changed, changed
        );
    END LOOP;
END;
$policies$;
GRANT UPDATE ON ai_feature_settings, ai_model_settings, recommendation_ratings TO modelscout_page;
GRANT UPDATE (status, decided_by, decided_at, decision_reason, snoozed_until) ON ai_model_recommendations
TO modelscout_page;

CREATE POLICY modelscout_page ON ai_models FOR SELECT TO modelscout_page
USING (
    (SELECT modelscout.page_sees_all())
    OR owner_organization_id = any(cast((SELECT modelscout.page_visible()) AS uuid[]))
);
CREATE POLICY page_reads ON ai_model_capabilities FOR SELECT TO modelscout_page
USING (
    EXISTS (
        SELECT 1
        FROM ai_models AS m
        WHERE m.id = ai_model_capabilities.model_id
    )
);

GRANT USAGE ON SCHEMA public, modelscout TO modelscout_page;
GRANT SELECT ON
organizations, ai_models, ai_model_capabilities, ai_features,
recommender_runs, usage_rollup_state, usage_closed_days, usable_provider_keys, model_availability,
current_model_recommendations, model_catalog, feature_assignments, recommendation_track_record, model_drifts,
selection_models
TO modelscout_page;
