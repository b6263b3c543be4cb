-- Grain: one automatic application that is taken back. Owner: recommender, on behalf of an organization that allows it.
-- Reads and writes: ai_feature_settings, recommendation_adoptions; writes audit_log and the recommendation's status.
-- Only where the feature still uses what was applied and still allows it: a person's later choice stays.
WITH changed AS (
    UPDATE ai_feature_settings AS s
    SET current_model_id = a.former_model_id, updated_at = :now, updated_by = 'review_adoption'
    FROM recommendation_adoptions AS a
    WHERE
        a.recommendation_id = any(cast(:recommendation_ids AS uuid[]))
        AND a.applied_automatically
        AND a.ended_at IS NULL
        AND s.organization_id = a.organization_id
        AND s.feature_id = a.feature_id
        AND s.current_model_id = a.model_id
        AND s.auto_apply
    RETURNING a.recommendation_id, a.organization_id, a.feature_id, a.model_id, a.former_model_id
),

ended AS (
    UPDATE recommendation_adoptions AS a
    SET ended_at = :now, ended_by = 'roll_back'
    FROM changed AS c
    WHERE a.recommendation_id = c.recommendation_id
),

decided AS (
    UPDATE ai_model_recommendations AS r
    SET status = 'rolled_back', decided_by = 'review_adoption', decided_at = :now
    FROM changed AS c
    WHERE r.id = c.recommendation_id
),

logged AS (
    INSERT INTO audit_log (organization_id, actor, action, subject, before, after, occurred_at)
    SELECT
        c.organization_id,
        'review_adoption',
        'roll_back',
        c.feature_id,
        jsonb_build_object('current_model_id', c.model_id),
        jsonb_build_object('current_model_id', c.former_model_id, 'recommendation_id', c.recommendation_id),
        :now
    FROM changed AS c
)

SELECT c.recommendation_id::text AS recommendation_id
FROM changed AS c;
