-- Grain: one day since the switch and one kind of request, answered by the new model. Owner: recommender.
-- Reads: recommendation_adoptions under review, ai_usage_events. Writes: recommendation_days.
-- Days that are over, the newest seven of the known ones again, because events arrive late; a day whose events were
-- deleted stays as it was. Size is counted in tokens of the former model.
WITH due AS (
    SELECT
        a.recommendation_id,
        a.organization_id,
        a.feature_id,
        a.model_id,
        coalesce(a.input_token_ratio, 1) AS input_token_ratio,
        m.provider,
        greatest((a.switched_at AT TIME ZONE 'UTC')::date + 1, a.consumed_until - 6) AS first_day,
        least(
            cast(:today AS date),
            (a.switched_at AT TIME ZONE 'UTC')::date + 1 + cast(:review_days AS integer),
            (a.ended_at AT TIME ZONE 'UTC')::date
        ) AS end_day
    FROM recommendation_adoptions AS a
    INNER JOIN ai_models AS m ON a.model_id = m.id
    WHERE
        (a.ended_at IS NULL OR a.ended_at >= :now)
        AND (a.switched_at AT TIME ZONE 'UTC')::date
        >= cast(:today AS date) - 7 - cast(:review_days AS integer)
),

asked AS (
    SELECT
        d.recommendation_id,
        d.organization_id,
        d.provider,
        d.model_id,
        e.requested_model,
        (e.occurred_at AT TIME ZONE 'UTC')::date AS day,
        e.processing,
        CASE
            WHEN e.workload ->> 'complexity' IN ('low', 'medium', 'high') THEN e.workload ->> 'complexity'
            ELSE ''
        END AS complexity,
        least(e.image_count, 4)::smallint AS images,
        modelscout.request_size((e.input_tokens - e.image_tokens) * d.input_token_ratio) AS size,
        count(*) AS answers
    FROM due AS d
    INNER JOIN ai_usage_events AS e
        ON
            d.organization_id = e.organization_id
            AND d.feature_id = e.feature_id
            AND d.provider = e.provider
            AND d.first_day::timestamp AT TIME ZONE 'UTC' <= e.occurred_at
            AND d.end_day::timestamp AT TIME ZONE 'UTC' > e.occurred_at
    WHERE e.error_type IS NULL
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
),

names AS (
    SELECT
        d.recommendation_id,
        d.requested_model
    FROM (
        SELECT DISTINCT
            q.recommendation_id,
            q.organization_id,
            q.provider,
            q.model_id,
            q.requested_model
        FROM asked AS q
    ) AS d
    CROSS JOIN LATERAL modelscout.model_named(d.provider, d.requested_model, d.organization_id) AS n
    WHERE n.model_id = d.model_id
),

counted AS (
    SELECT
        q.recommendation_id,
        q.organization_id,
        q.day,
        q.processing,
        q.complexity,
        q.images,
        q.size,
        sum(q.answers)::bigint AS answers
    FROM asked AS q
    INNER JOIN names AS n
        ON q.recommendation_id = n.recommendation_id AND q.requested_model = n.requested_model
    GROUP BY q.recommendation_id, q.organization_id, q.day, q.processing, q.complexity, q.images, q.size
),

gone AS (
    DELETE FROM recommendation_days AS k
    USING due AS d
    WHERE
        k.recommendation_id = d.recommendation_id
        AND k.day >= d.first_day
        AND k.day < d.end_day
        AND k.day NOT IN (
            SELECT c.day
            FROM usage_closed_days AS c
        )
        AND NOT EXISTS (
            SELECT 1
            FROM counted AS n
            WHERE
                n.recommendation_id = k.recommendation_id
                AND n.day = k.day
                AND n.processing = k.processing
                AND n.complexity = k.complexity
                AND n.images = k.images
                AND n.size = k.size
        )
),

seen AS (
    UPDATE recommendation_adoptions AS a
    SET consumed_until = greatest(d.end_day - 1, (a.switched_at AT TIME ZONE 'UTC')::date)
    FROM due AS d
    WHERE a.recommendation_id = d.recommendation_id
)

INSERT INTO recommendation_days (
    recommendation_id, organization_id, day, processing, complexity, images, size, answers
)
SELECT
    c.recommendation_id,
    c.organization_id,
    c.day,
    c.processing,
    c.complexity,
    c.images,
    c.size,
    c.answers
FROM counted AS c
ON CONFLICT (recommendation_id, day, processing, complexity, images, size) DO UPDATE SET
    answers = excluded.answers;
