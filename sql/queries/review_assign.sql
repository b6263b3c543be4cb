-- Grain: one feature of one organization. Owner: recommender, on behalf of an organization that allows it.
-- Reads and writes: ai_feature_settings; writes audit_log and the recommendation's status.
WITH changed AS (
    UPDATE ai_feature_settings AS s
    SET current_model_id = cast(:model_id AS uuid), updated_at = :now, updated_by = 'review_adoption'
    FROM (
        SELECT o.current_model_id
        FROM ai_feature_settings AS o
        WHERE o.organization_id = cast(:organization_id AS uuid) AND o.feature_id = :feature_id
    ) AS former
    WHERE
        s.organization_id = cast(:organization_id AS uuid)
        AND s.feature_id = :feature_id
        AND s.current_model_id IS DISTINCT FROM cast(:model_id AS uuid)
    RETURNING s.organization_id, s.feature_id, former.current_model_id AS former_model_id
),

logged AS (
    INSERT INTO audit_log (organization_id, actor, action, subject, before, after, occurred_at)
    SELECT
        c.organization_id,
        'review_adoption',
        cast(:action AS text),
        c.feature_id,
        jsonb_build_object('current_model_id', c.former_model_id),
        jsonb_build_object('current_model_id', cast(:model_id AS text)),
        :now
    FROM changed AS c
)

UPDATE ai_model_recommendations AS r
SET status = :status, decided_by = 'review_adoption', decided_at = :now
WHERE r.id = cast(:recommendation_id AS uuid);
