-- Grain: one recommendation, held until the transaction ends, and what its feature uses now. Owner: recommender.
-- Reads: ai_model_recommendations, ai_models, ai_feature_settings, recommendation_adoptions.
-- by_workload: the models that are proven for a kind of work, by name.
SELECT
    r.id::text AS id,
    r.organization_id::text AS organization_id,
    r.feature_id,
    r.verdict,
    r.status,
    r.is_latest,
    r.valid_until,
    r.decided_by,
    r.decided_at,
    r.decision_reason,
    r.snoozed_until,
    r.current_model_id::text AS current_model_id,
    r.recommended_model_id::text AS recommended_model_id,
    s.current_model_id::text AS model_in_use_id,
    c.provider || '/' || c.provider_model_id AS current_model,
    m.provider || '/' || m.provider_model_id AS recommended_model,
    u.provider || '/' || u.provider_model_id AS model_in_use,
    a.recommendation_id IS NOT NULL AS adopted,
    coalesce((
        SELECT
            jsonb_agg(
                jsonb_build_object(
                    'when', w.rule -> 'when', 'model', b.provider || '/' || b.provider_model_id
                )
                ORDER BY w.position
            )
        FROM jsonb_array_elements(r.evidence -> 'by_workload') WITH ORDINALITY AS w (rule, position)
        INNER JOIN ai_models AS b ON (w.rule ->> 'model_id')::uuid = b.id
        WHERE w.rule ->> 'proven' = 'true'
    ), '[]') AS by_workload
FROM ai_model_recommendations AS r
LEFT JOIN ai_models AS c ON r.current_model_id = c.id
LEFT JOIN ai_models AS m ON r.recommended_model_id = m.id
LEFT JOIN ai_feature_settings AS s ON r.organization_id = s.organization_id AND r.feature_id = s.feature_id
LEFT JOIN ai_models AS u ON s.current_model_id = u.id
LEFT JOIN recommendation_adoptions AS a ON r.id = a.recommendation_id
WHERE r.id = cast(:id AS uuid)
FOR UPDATE OF r;
