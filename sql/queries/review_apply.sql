-- Grain: one recommendation that is applied without a person where an organization allows it; what a person accepts is
-- applied by recommender/decisions_of_people.py. Owner: recommender. Reads: usable_provider_keys, ai_model_availability,
-- ai_model_settings, ai_models, recommendation_adoptions. Writes: ai_feature_settings, ai_model_recommendations,
-- audit_log.
-- A switch or a proven migrate puts another model in use; any other verdict may name models for levels of complexity
-- (evidence.by_workload), which become rules of the setting behind those that are there.
-- Everything that publishing looked at may have changed since: it is looked at again here, after review_lock_settings.
-- Applied once, because only an open recommendation is; never over a setting that a person chose since, never a model
-- that was taken back from this feature before, and each rule at most once.
WITH standing AS (
    SELECT
        r.id,
        r.organization_id,
        r.feature_id,
        r.verdict,
        r.evidence,
        s.current_model_id,
        r.recommended_model_id,
        s.workload_models
    FROM ai_model_recommendations AS r
    INNER JOIN ai_feature_settings AS s
        ON r.organization_id = s.organization_id AND r.feature_id = s.feature_id
    WHERE
        s.auto_apply
        AND s.current_model_id = r.current_model_id
        AND r.status = 'open'
        AND r.valid_until > :now
        AND NOT EXISTS (
            SELECT 1
            FROM ai_model_recommendations AS n
            WHERE
                n.organization_id = r.organization_id
                AND n.feature_id = r.feature_id
                AND n.decision_date > r.decision_date
        )
),

proposed AS (
    SELECT
        t.id,
        t.organization_id,
        t.feature_id,
        t.recommended_model_id AS model_id,
        cast(NULL AS jsonb) AS rule,
        cast(0 AS bigint) AS position
    FROM standing AS t
    WHERE
        t.current_model_id <> t.recommended_model_id
        AND (t.verdict = 'switch' OR (t.verdict = 'migrate' AND t.evidence ->> 'proven' = 'true'))
    UNION ALL
    SELECT
        t.id,
        t.organization_id,
        t.feature_id,
        cast(b.value ->> 'model_id' AS uuid) AS model_id,
        jsonb_build_object('when', b.value -> 'when', 'model_id', b.value -> 'model_id') AS rule,
        b.ordinality AS position
    FROM standing AS t
    CROSS JOIN jsonb_array_elements(coalesce(t.evidence -> 'by_workload', '[]')) WITH ORDINALITY AS b
    WHERE
        t.verdict NOT IN ('switch', 'migrate')
        AND b.value ->> 'proven' = 'true'
        AND jsonb_array_length(t.workload_models) + b.ordinality <= :most_rules
        -- What is decided for the level already, by whomever, comes first anyway.
        AND NOT EXISTS (
            SELECT 1
            FROM jsonb_array_elements(t.workload_models) AS w
            WHERE
                (w.value -> 'when') - 'complexity' = '{}'
                AND w.value -> 'when' -> 'complexity' @> (b.value -> 'when' -> 'complexity')
        )
),

usable AS (
    SELECT p.*
    FROM proposed AS p
    INNER JOIN ai_models AS m ON p.model_id = m.id
    INNER JOIN ai_model_availability AS v ON p.organization_id = v.organization_id AND p.model_id = v.model_id
    WHERE
        v.status IN ('active', 'available', 'deprecated')
        AND (m.retires_on IS NULL OR m.retires_on > cast(:today AS date))
        AND EXISTS (
            SELECT 1
            FROM usable_provider_keys AS u
            WHERE u.organization_id = p.organization_id AND u.provider = m.provider AND u.works
        )
        AND NOT EXISTS (
            SELECT 1
            FROM ai_model_settings AS c
            WHERE c.organization_id = p.organization_id AND c.model_id = p.model_id AND NOT c.enabled
        )
        AND NOT EXISTS (
            SELECT 1
            FROM recommendation_adoptions AS a
            WHERE
                p.rule IS NULL
                AND a.organization_id = p.organization_id
                AND a.feature_id = p.feature_id
                AND a.model_id = p.model_id
                AND a.ended_at IS NOT NULL
            UNION ALL
            SELECT 1
            FROM audit_log AS l
            WHERE
                p.rule IS NOT NULL
                AND l.organization_id = p.organization_id
                AND l.subject = p.feature_id
                AND l.action = 'apply'
                AND l.after -> 'workload_models' @> jsonb_build_array(p.rule)
        )
),

wanted AS (
    SELECT
        t.id,
        t.organization_id,
        t.feature_id,
        t.current_model_id,
        t.workload_models,
        (array_agg(u.model_id) FILTER (WHERE u.rule IS NULL))[1] AS model_id,
        coalesce(jsonb_agg(u.rule ORDER BY u.position) FILTER (WHERE u.rule IS NOT NULL), '[]') AS rules
    FROM standing AS t
    INNER JOIN usable AS u ON t.id = u.id
    GROUP BY t.id, t.organization_id, t.feature_id, t.current_model_id, t.workload_models
),

changed AS (
    UPDATE ai_feature_settings AS s
    SET
        current_model_id = coalesce(w.model_id, w.current_model_id),
        workload_models = w.workload_models || w.rules,
        updated_at = :now,
        updated_by = :actor
    FROM wanted AS w
    WHERE s.organization_id = w.organization_id AND s.feature_id = w.feature_id
    RETURNING w.*
),

decided AS (
    UPDATE ai_model_recommendations AS r
    SET status = 'applied', decided_by = :actor, decided_at = :now
    FROM changed AS c
    WHERE r.id = c.id
),

logged AS (
    INSERT INTO audit_log (organization_id, actor, action, subject, before, after, occurred_at)
    SELECT
        c.organization_id,
        :actor,
        'apply',
        c.feature_id,
        CASE
            WHEN c.model_id IS NULL THEN jsonb_build_object('workload_models', c.workload_models)
            ELSE jsonb_build_object('current_model_id', c.current_model_id)
        END,
        CASE
            WHEN c.model_id IS NULL
                THEN jsonb_build_object(
                    'workload_models', c.workload_models || c.rules, 'recommendation_id', c.id
                )
            ELSE jsonb_build_object('current_model_id', c.model_id, 'recommendation_id', c.id)
        END,
        :now
    FROM changed AS c
)

SELECT cast(c.id AS text) AS recommendation_id
FROM changed AS c;
