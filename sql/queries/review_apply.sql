-- Grain: one recommendation that is applied without a person. Owner: recommender, on behalf of an organization that
-- allows it. Reads: usable_provider_keys, ai_model_availability, ai_model_settings, ai_models,
-- recommendation_adoptions. Writes: ai_feature_settings, ai_model_recommendations, audit_log.
-- Everything that publishing looked at may have changed since: it is looked at again here, after review_lock_settings. Applied once, because only an open recommendation is; never over a setting that a person
-- chose since, and never to a model that was taken back from this feature before.
WITH wanted AS (
    SELECT
        r.id,
        r.organization_id,
        r.feature_id,
        r.current_model_id,
        r.recommended_model_id
    FROM ai_model_recommendations AS r
    INNER JOIN ai_feature_settings AS s
        ON r.organization_id = s.organization_id AND r.feature_id = s.feature_id
    INNER JOIN ai_models AS m ON r.recommended_model_id = m.id
    INNER JOIN ai_model_availability AS v
        ON r.organization_id = v.organization_id AND r.recommended_model_id = v.model_id
    WHERE
        s.auto_apply
        AND s.current_model_id = r.current_model_id
        AND s.current_model_id <> r.recommended_model_id
        AND (r.verdict = 'switch' OR (r.verdict = 'migrate' AND r.evidence ->> 'proven' = 'true'))
        AND r.status = 'open'
        AND r.valid_until > :now
        AND v.status IN ('active', 'available', 'deprecated')
        AND (m.retires_on IS NULL OR m.retires_on > cast(:today AS date))
        AND EXISTS (
            SELECT 1
            FROM usable_provider_keys AS u
            WHERE u.organization_id = r.organization_id AND u.provider = m.provider AND u.works
        )
        AND NOT EXISTS (
            SELECT 1
            FROM ai_model_settings AS c
            WHERE
                c.organization_id = r.organization_id
                AND c.model_id = r.recommended_model_id
                AND NOT c.enabled
        )
        AND NOT EXISTS (
            SELECT 1
            FROM ai_model_recommendations AS n
            WHERE
                n.organization_id = r.organization_id
                AND n.feature_id = r.feature_id
                AND n.decision_date > r.decision_date
        )
        AND NOT EXISTS (
            SELECT 1
            FROM recommendation_adoptions AS a
            WHERE
                a.organization_id = r.organization_id
                AND a.feature_id = r.feature_id
                AND a.model_id = r.recommended_model_id
                AND a.ended_at IS NOT NULL
        )
),

changed AS (
    UPDATE ai_feature_settings AS s
    SET current_model_id = w.recommended_model_id, updated_at = :now, updated_by = 'review_adoption'
    FROM wanted AS w
    WHERE s.organization_id = w.organization_id AND s.feature_id = w.feature_id
    RETURNING w.id, w.organization_id, w.feature_id, w.current_model_id, w.recommended_model_id
),

decided AS (
    UPDATE ai_model_recommendations AS r
    SET status = 'applied', decided_by = 'review_adoption', decided_at = :now
    FROM changed AS c
    WHERE r.id = c.id
),

logged AS (
    INSERT INTO audit_log (organization_id, actor, action, subject, before, after, occurred_at)
    SELECT
        c.organization_id,
        'review_adoption',
        'apply',
        c.feature_id,
        jsonb_build_object('current_model_id', c.current_model_id),
        jsonb_build_object('current_model_id', c.recommended_model_id, 'recommendation_id', c.id),
        :now
    FROM changed AS c
)

SELECT c.id::text AS recommendation_id
FROM changed AS c;
