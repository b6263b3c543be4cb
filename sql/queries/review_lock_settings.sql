-- Grain: one open recommendation that may be applied without a person, or adopted one that may be taken back. Owner:
-- recommender. Locks the setting, the recommendation and what says that its models may be used, until the transaction
-- ends: the statements after this one see them as they are and nobody changes them in between.
SELECT r.id
FROM ai_feature_settings AS s
INNER JOIN ai_model_recommendations AS r
    ON s.organization_id = r.organization_id AND s.feature_id = r.feature_id
INNER JOIN organizations AS o ON s.organization_id = o.id
INNER JOIN ai_models AS m
    ON m.id IN (
        SELECT unnest(ARRAY[r.recommended_model_id, r.current_model_id])
        UNION ALL
        SELECT cast(b.value ->> 'model_id' AS uuid)
        FROM jsonb_array_elements(coalesce(r.evidence -> 'by_workload', '[]')) AS b
    )
INNER JOIN ai_model_availability AS v ON s.organization_id = v.organization_id AND m.id = v.model_id
INNER JOIN organization_provider_keys AS k
    ON s.organization_id = k.organization_id AND m.provider = k.provider
WHERE
    s.auto_apply
    AND (
        (
            r.status = 'open'
            AND (r.verdict IN ('switch', 'migrate') OR r.evidence ? 'by_workload')
            AND r.valid_until > :now
        )
        OR EXISTS (
            SELECT 1
            FROM recommendation_adoptions AS a
            WHERE a.recommendation_id = r.id AND a.applied_automatically AND a.ended_at IS NULL
        )
    )
ORDER BY s.organization_id, s.feature_id, r.id, m.id
FOR SHARE OF s, r, o, m, v, k;
