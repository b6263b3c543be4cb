-- Grain: one judged answer since the switch. Owner: recommender. Reads: recommendation_adoptions under review,
-- ai_usage_events, ai_usage_outcomes. Writes: recommendation_judgements.
-- Appended in the order in which judgements came in, each answer once and for good, with the mean of what was known of
-- it then: a later look adds to the evidence and never changes it. Judgements are waited for :settle_days days; beyond
-- :most of them nothing more is learned.
WITH due AS (
    SELECT
        a.recommendation_id,
        a.organization_id,
        a.feature_id,
        a.switched_at,
        m.id AS model_id,
        m.provider,
        m.id = a.former_model_id AS of_former,
        :most - (
            SELECT count(*)
            FROM recommendation_judgements AS j
            WHERE j.recommendation_id = a.recommendation_id
        ) AS room
    FROM recommendation_adoptions AS a
    INNER JOIN ai_models AS m ON m.id IN (a.model_id, a.former_model_id)
    WHERE
        a.ended_at IS NULL
        AND (a.switched_at AT TIME ZONE 'UTC')::date + cast(:review_days AS integer) >= cast(:today AS date)
),

judged AS (
    SELECT
        d.recommendation_id,
        d.organization_id,
        d.of_former,
        d.room,
        d.provider,
        d.model_id,
        e.requested_model,
        e.request_id,
        max(e.propensity) AS propensity,
        avg(o.score) AS score,
        min(o.recorded_at) AS recorded_at
    FROM due AS d
    INNER JOIN ai_usage_events AS e
        ON
            d.organization_id = e.organization_id
            AND d.feature_id = e.feature_id
            AND d.provider = e.provider
            AND d.switched_at <= e.occurred_at
            AND :now >= e.occurred_at
            AND cast(:now AS timestamptz) - cast(:settle_days AS integer) * interval '1 day' <= e.occurred_at
    INNER JOIN ai_usage_outcomes AS o
        ON e.organization_id = o.organization_id AND e.request_id = o.request_id
    WHERE e.error_type IS NULL AND o.recorded_at <= :now
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),

names AS (
    SELECT
        d.recommendation_id,
        d.model_id,
        d.requested_model
    FROM (
        SELECT DISTINCT
            j.recommendation_id,
            j.organization_id,
            j.provider,
            j.model_id,
            j.requested_model
        FROM judged AS j
    ) AS d
    CROSS JOIN LATERAL modelscout.model_named(d.provider, d.requested_model, d.organization_id) AS n
    WHERE n.model_id = d.model_id
),

fresh AS (
    SELECT
        j.*,
        row_number() OVER (PARTITION BY j.recommendation_id ORDER BY j.recorded_at, j.request_id) AS number
    FROM judged AS j
    INNER JOIN names AS n
        ON
            j.recommendation_id = n.recommendation_id
            AND j.model_id = n.model_id
            AND j.requested_model = n.requested_model
    WHERE NOT EXISTS (
        SELECT 1
        FROM recommendation_judgements AS k
        WHERE k.recommendation_id = j.recommendation_id AND k.request_id = j.request_id
    )
)

INSERT INTO recommendation_judgements (
    recommendation_id, organization_id, request_id, of_former, score, propensity
)
SELECT
    f.recommendation_id,
    f.organization_id,
    f.request_id,
    f.of_former,
    f.score,
    f.propensity
FROM fresh AS f
WHERE f.number <= f.room
ORDER BY f.recommendation_id, f.number
ON CONFLICT (recommendation_id, request_id) DO NOTHING;
