-- Grain: one organization, feature, model and day with judged answers. Owner: recommender.
-- Reads: ai_model_analytics, ai_benchmark_results, ai_judge_calibrations, ai_models, organizations. Aggregates only;
-- an organization that does not share is left out, and so are verdicts of a judge that failed its calibration.
WITH judged AS (
    SELECT
        a.organization_id,
        a.feature_id,
        a.model_id,
        a.date AS day,
        a.outcome_count AS n,
        a.outcome_score_sum AS score_sum
    FROM ai_model_analytics AS a
    WHERE a.outcome_count > 0
    UNION ALL
    SELECT
        r.organization_id,
        r.feature_id,
        r.model_id,
        (r.finished_at AT TIME ZONE 'UTC')::date AS day,
        count(*) AS n,
        sum(r.score) AS score_sum
    FROM ai_benchmark_results AS r
    LEFT JOIN ai_judge_calibrations AS k ON r.judge_calibration_id = k.id
    WHERE r.score IS NOT NULL AND coalesce(k.passed, TRUE)
    GROUP BY r.organization_id, r.feature_id, r.model_id, (r.finished_at AT TIME ZONE 'UTC')::date
)

SELECT
    coalesce(j.organization_id::text, 'platform') AS organization_id,
    j.feature_id,
    j.model_id::text AS model_id,
    coalesce(m.family, 'unknown') AS family,
    coalesce((m.use_case_scores -> 'high_accuracy' ->> 'score')::double precision, 50)
    / 100 AS documented_accuracy,
    j.day,
    sum(j.n)::double precision AS n,
    sum(j.score_sum)::double precision AS score_sum
FROM judged AS j
INNER JOIN ai_models AS m ON j.model_id = m.id
LEFT JOIN organizations AS o ON j.organization_id = o.id
WHERE coalesce(o.shares_aggregates, TRUE) AND j.day <= cast(:today AS date)
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY j.day, 1, 2, 3;
