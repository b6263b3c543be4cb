-- Grain: one feature whose rules for kinds of work are shortened. Owner: recommender, on behalf of an organization that
-- allows it. Reads: ai_model_recommendations. Writes: ai_feature_settings, audit_log.
-- A rule that was applied without a person goes where the latest decision has its model proven worse on that work, by
-- more than the margin and at the bounds of the proof; a person's own rule stays.
WITH latest AS (
    SELECT DISTINCT ON (r.organization_id, r.feature_id)
        r.id,
        r.organization_id,
        r.feature_id,
        r.valid_until,
        r.evidence,
        s.workload_models
    FROM ai_feature_settings AS s
    INNER JOIN ai_model_recommendations AS r
        ON s.organization_id = r.organization_id AND s.feature_id = r.feature_id
    WHERE s.auto_apply AND s.workload_models <> '[]'
    ORDER BY r.organization_id ASC, r.feature_id ASC, r.decision_date DESC
),

worse AS (
    SELECT
        l.id,
        jsonb_build_object('when', b.value -> 'when', 'model_id', b.value -> 'model_id') AS rule
    FROM latest AS l
    CROSS JOIN jsonb_array_elements(coalesce(l.evidence -> 'by_workload', '[]')) AS b
    WHERE l.valid_until > :now AND b.value ->> 'proven_worse' = 'true'
),

rules AS (
    SELECT
        l.id,
        l.organization_id,
        l.feature_id,
        l.workload_models,
        w.value AS rule,
        w.ordinality AS position,
        EXISTS (
            SELECT 1
            FROM worse AS x
            WHERE x.id = l.id AND x.rule = w.value
        )
        AND EXISTS (
            SELECT 1
            FROM audit_log AS a
            WHERE
                a.organization_id = l.organization_id
                AND a.subject = l.feature_id
                AND a.action = 'apply'
                AND a.actor = :actor
                AND a.after -> 'workload_models' @> jsonb_build_array(w.value)
        ) AS goes
    FROM latest AS l
    CROSS JOIN jsonb_array_elements(l.workload_models) WITH ORDINALITY AS w
),

fallen AS (
    SELECT
        r.id AS recommendation_id,
        r.organization_id,
        r.feature_id,
        r.workload_models,
        coalesce(jsonb_agg(r.rule ORDER BY r.position) FILTER (WHERE NOT r.goes), '[]') AS rules_left
    FROM rules AS r
    GROUP BY r.id, r.organization_id, r.feature_id, r.workload_models
    HAVING bool_or(r.goes)
),

changed AS (
    UPDATE ai_feature_settings AS s
    SET workload_models = f.rules_left, updated_at = :now, updated_by = :actor
    FROM fallen AS f
    WHERE s.organization_id = f.organization_id AND s.feature_id = f.feature_id
    RETURNING f.*
),

logged AS (
    INSERT INTO audit_log (organization_id, actor, action, subject, before, after, occurred_at)
    SELECT
        c.organization_id,
        :actor,
        'roll_back',
        c.feature_id,
        jsonb_build_object('workload_models', c.workload_models),
        jsonb_build_object('workload_models', c.rules_left, 'recommendation_id', c.recommendation_id),
        :now
    FROM changed AS c
)

SELECT cast(c.recommendation_id AS text) AS recommendation_id
FROM changed AS c;
