-- The overview and the recommendations of the page: one row per organization and day, the newest recommendation of
-- each feature found without sorting them all, and what the page reads beside.

-- Grain: one organization and day, all its models and features together. Owner: analytics. The rollup writes it in
-- the transaction that writes the day's rows of ai_model_analytics.
CREATE TABLE ai_organization_days (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    date date NOT NULL,
    total_requests bigint NOT NULL,
    success_count bigint NOT NULL,
    error_count bigint NOT NULL,
    total_cost numeric,
    priced_requests bigint NOT NULL,
    unpriced_requests bigint NOT NULL,
    estimated_requests bigint NOT NULL,
    outcome_score_sum numeric NOT NULL,
    outcome_count bigint NOT NULL,
    simulated boolean NOT NULL,
    PRIMARY KEY (organization_id, date)
);
COMMENT ON COLUMN ai_organization_days.total_cost IS 'Of the priced requests; NULL where none is priced.';
-- The overview of all organizations reads the last 60 days.
CREATE INDEX ai_organization_days_date ON ai_organization_days (date);

-- The owner fills it below: whom FORCE binds too where the owner is no superuser.
ALTER TABLE ai_model_analytics NO FORCE ROW LEVEL SECURITY;
INSERT INTO ai_organization_days
SELECT
    a.organization_id,
    a.date,
    sum(a.total_requests),
    sum(a.success_count),
    sum(a.error_count),
    sum(a.total_cost),
    sum(a.priced_requests),
    sum(a.unpriced_requests),
    sum(a.estimated_requests),
    sum(a.outcome_score_sum),
    sum(a.outcome_count),
    bool_or(a.simulated)
FROM ai_model_analytics AS a
WHERE a.organization_id IS NOT NULL
GROUP BY a.organization_id, a.date;
ALTER TABLE ai_model_analytics FORCE ROW LEVEL SECURITY;

ALTER TABLE ai_organization_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE ai_organization_days FORCE ROW LEVEL SECURITY;
CREATE POLICY pipeline ON ai_organization_days TO modelscout_pipeline USING (TRUE) WITH CHECK (TRUE);
CREATE POLICY own_rows ON ai_organization_days TO modelscout_organization
USING (organization_id = (SELECT modelscout.session_organization()));
CREATE POLICY scoped_rows ON ai_organization_days TO modelscout_application
USING (organization_id = (SELECT modelscout.transaction_organization()));
CREATE POLICY page_reads ON ai_organization_days FOR SELECT TO modelscout_page
USING (
    (SELECT modelscout.page_sees_all())
    OR organization_id = any(cast((SELECT modelscout.page_visible()) AS uuid[]))
);
GRANT SELECT, INSERT, UPDATE, DELETE ON ai_organization_days TO modelscout_pipeline;
GRANT SELECT ON ai_organization_days TO modelscout_application, modelscout_organization, modelscout_page;

-- The newest recommendation of a feature, and what lists are ordered and summed by.
ALTER TABLE ai_model_recommendations
ADD COLUMN is_latest boolean NOT NULL DEFAULT TRUE,
ADD COLUMN saving_usd_per_month numeric GENERATED ALWAYS AS (
    cast(cost_estimate -> 'saving_usd_per_month' ->> 'estimate' AS numeric)
) STORED;
COMMENT ON COLUMN ai_model_recommendations.is_latest IS
'Whether no later night decided the feature; kept by a trigger, whoever adds a row.';

ALTER TABLE ai_model_recommendations NO FORCE ROW LEVEL SECURITY;
UPDATE ai_model_recommendations AS r
SET is_latest = FALSE
WHERE
    EXISTS (
        SELECT 1
        FROM ai_model_recommendations AS n
        WHERE
            n.organization_id = r.organization_id
            AND n.feature_id = r.feature_id
            AND n.decision_date > r.decision_date
    );
ALTER TABLE ai_model_recommendations FORCE ROW LEVEL SECURITY;

CREATE INDEX ai_model_recommendations_latest ON ai_model_recommendations (organization_id, feature_id)
INCLUDE (id, verdict, status, saving_usd_per_month, recommended_model_id, current_model_id, valid_until)
WHERE is_latest;
CREATE INDEX ai_model_recommendations_night ON ai_model_recommendations (decision_date, organization_id)
INCLUDE (id, feature_id, verdict, status, saving_usd_per_month);
-- Publishing looks for advice that people keep away.
CREATE INDEX ai_model_recommendations_held
ON ai_model_recommendations (organization_id, feature_id, decision_date)
INCLUDE (decided_at)
WHERE status IN ('rejected', 'snoozed');
-- The track record counts each advised change once, however many nights repeated it.
CREATE INDEX ai_model_recommendations_advised
ON ai_model_recommendations (organization_id, feature_id, current_model_id, recommended_model_id)
INCLUDE (simulated)
WHERE verdict IN ('switch', 'migrate');
CREATE INDEX recommendation_ratings_recent ON recommendation_ratings (organization_id, rated_at);
CREATE INDEX recommendation_outcomes_night ON recommendation_outcomes (reviewed_on, organization_id);
CREATE INDEX recommendation_adoptions_recent ON recommendation_adoptions (organization_id, switched_at DESC);
CREATE INDEX ai_feature_settings_model ON ai_feature_settings (current_model_id);

CREATE FUNCTION modelscout.note_latest_recommendation() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $function$
BEGIN
    UPDATE public.ai_model_recommendations AS r
    SET is_latest = FALSE
    FROM (SELECT DISTINCT a.organization_id, a.feature_id FROM added AS a) AS k
    WHERE
        r.organization_id = k.organization_id
        AND r.feature_id = k.feature_id
        AND r.is_latest
        AND EXISTS (
            SELECT 1
            FROM public.ai_model_recommendations AS n
            WHERE
                n.organization_id = r.organization_id
                AND n.feature_id = r.feature_id
                AND n.decision_date > r.decision_date
        );
    RETURN NULL;
END;
$function$;
REVOKE EXECUTE ON FUNCTION modelscout.note_latest_recommendation() FROM public;
CREATE TRIGGER latest_insert AFTER INSERT ON ai_model_recommendations REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION modelscout.note_latest_recommendation();

CREATE OR REPLACE VIEW current_model_recommendations WITH (security_invoker = TRUE) AS
SELECT
    r.id,
    r.organization_id,
    r.feature_id,
    r.recommended_model_id,
    r.current_model_id,
    r.recommendation_score,
    r.reasons,
    r.created_at,
    r.decision_date,
    r.verdict,
    r.tradeoffs,
    r.cost_estimate,
    r.performance_estimate,
    r.evidence,
    r.valid_until,
    r.status,
    r.decided_by,
    r.decided_at,
    r.simulated,
    current_model.provider AS current_provider,
    current_model.provider_model_id AS current_model,
    recommended.provider AS recommended_provider,
    recommended.provider_model_id AS recommended_model
FROM ai_model_recommendations AS r
LEFT JOIN ai_models AS current_model ON r.current_model_id = current_model.id
LEFT JOIN ai_models AS recommended ON r.recommended_model_id = recommended.id
WHERE r.is_latest;
COMMENT ON VIEW current_model_recommendations IS 'Contract 1.0';

-- When each stage of the night last succeeded, without what the runs were asked to do.
GRANT SELECT (id, kind, status, started_at, finished_at) ON ai_benchmark_runs TO modelscout_page;

-- What a transaction of the page may see and change concerns nobody else.
REVOKE EXECUTE ON FUNCTION
modelscout.page_visible(),
modelscout.page_sees_all(),
modelscout.page_editable(),
modelscout.page_changes_all()
FROM public;
