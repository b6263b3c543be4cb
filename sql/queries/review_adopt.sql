-- Grain: one recommended change that was made and is seen first now. Owner: recommender.
-- Reads: ai_model_recommendations, ai_feature_settings, ai_features, ai_model_analytics, ai_benchmark_results.
-- Writes: recommendation_adoptions, and the recommendation's status, so that its promise stays as it was.
-- The feature uses what its latest recommendation to change, at most 30 days old, named. When it was switched is when
-- the setting was changed, where that is known to be after the advice, else now: too late rather than too early.
-- Quality, latency and tokens of the former model are those of the 30 whole days before.
WITH adopted AS (
    SELECT DISTINCT ON (r.organization_id, r.feature_id)
        r.id,
        r.organization_id,
        r.feature_id,
        r.current_model_id AS former_model_id,
        r.recommended_model_id AS model_id,
        CASE
            WHEN s.updated_at >= r.created_at AND s.updated_at <= :now THEN s.updated_at
            ELSE cast(:now AS timestamptz)
        END AS switched_at,
        r.status = 'applied' AND r.decided_by = 'review_adoption' AS applied_automatically,
        s.updated_by,
        coalesce(s.margin, f.default_margin) AS margin
    FROM ai_model_recommendations AS r
    INNER JOIN ai_feature_settings AS s
        ON
            r.organization_id = s.organization_id
            AND r.feature_id = s.feature_id
            AND r.recommended_model_id = s.current_model_id
    INNER JOIN ai_features AS f ON r.feature_id = f.id
    WHERE
        r.verdict IN ('switch', 'migrate')
        AND r.recommended_model_id <> r.current_model_id
        AND r.status IN ('open', 'accepted', 'applied', 'superseded')
        AND r.created_at <= :now
        AND r.created_at > cast(:now AS timestamptz) - interval '30 days'
        AND NOT EXISTS (
            SELECT 1
            FROM recommendation_adoptions AS a
            WHERE
                a.organization_id = r.organization_id
                AND a.feature_id = r.feature_id
                AND (a.ended_at IS NULL OR a.switched_at >= r.created_at)
        )
    ORDER BY r.organization_id ASC, r.feature_id ASC, r.decision_date DESC
),

before AS (
    SELECT
        a.id,
        sum(n.outcome_count) AS judged,
        sum(n.outcome_score_sum) AS score_sum,
        modelscout.merge_counts(n.latency_histogram) AS latency_histogram
    FROM adopted AS a
    INNER JOIN ai_model_analytics AS n
        ON
            a.organization_id = n.organization_id
            AND a.feature_id = n.feature_id
            AND a.former_model_id = n.model_id
            AND (a.switched_at AT TIME ZONE 'UTC')::date > n.date
            AND (a.switched_at AT TIME ZONE 'UTC')::date - 30 <= n.date
    GROUP BY a.id
),

replayed AS (
    SELECT DISTINCT ON (a.id, r.model_id, r.case_key)
        a.id,
        r.model_id,
        r.case_key,
        r.input_tokens - r.image_tokens AS text_tokens
    FROM adopted AS a
    INNER JOIN ai_benchmark_results AS r
        ON
            a.organization_id = r.organization_id
            AND a.feature_id = r.feature_id
            AND r.model_id IN (a.model_id, a.former_model_id)
    WHERE r.source = 'replay' AND r.score IS NOT NULL
    ORDER BY a.id, r.model_id, r.case_key, r.sequence
),

ratios AS (
    SELECT
        a.id,
        sum(f.text_tokens) / nullif(sum(n.text_tokens), 0) AS input_token_ratio
    FROM adopted AS a
    INNER JOIN replayed AS n ON a.id = n.id AND a.model_id = n.model_id
    INNER JOIN replayed AS f ON a.id = f.id AND a.former_model_id = f.model_id AND n.case_key = f.case_key
    GROUP BY a.id
),

decided AS (
    UPDATE ai_model_recommendations AS r
    SET
        status = 'applied',
        decided_by = coalesce(r.decided_by, a.updated_by),
        decided_at = coalesce(r.decided_at, a.switched_at)
    FROM adopted AS a
    WHERE r.id = a.id AND r.status <> 'applied'
)

INSERT INTO recommendation_adoptions (
    recommendation_id, organization_id, feature_id, former_model_id, model_id, switched_at,
    applied_automatically,
    margin,
    former_judged,
    former_score_sum,
    former_latency_histogram,
    input_token_ratio
)
SELECT
    a.id,
    a.organization_id,
    a.feature_id,
    a.former_model_id,
    a.model_id,
    a.switched_at,
    a.applied_automatically,
    a.margin,
    coalesce(b.judged, 0),
    coalesce(b.score_sum, 0),
    coalesce(b.latency_histogram, '{}'),
    nullif(t.input_token_ratio, 0)
FROM adopted AS a
LEFT JOIN before AS b ON a.id = b.id
LEFT JOIN ratios AS t ON a.id = t.id;
