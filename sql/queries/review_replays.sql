-- Grain: one adopted recommendation whose items both models answered, the new one after the switch. Owner: recommender.
-- Reads: recommendation_adoptions, ai_benchmark_results, ai_judge_calibrations, model_drifts. differences: new minus
-- former score, in the order in which the pairs came in. As in recommender_pairs each item counts once per model, a
-- failure of the model scores 0, and what was answered before a model changed under its id counts no more.
WITH replayed AS (
    SELECT DISTINCT ON (a.recommendation_id, r.model_id, r.case_key)
        a.recommendation_id,
        r.model_id = a.model_id AS is_new,
        r.case_key,
        r.sequence,
        r.finished_at > a.switched_at AS is_after,
        coalesce(r.score, 0) AS score,
        k.judge_model_id
    FROM recommendation_adoptions AS a
    INNER JOIN ai_benchmark_results AS r
        ON
            a.organization_id = r.organization_id
            AND a.feature_id = r.feature_id
            AND r.model_id IN (a.model_id, a.former_model_id)
    LEFT JOIN model_drifts AS d ON r.organization_id = d.organization_id AND r.model_id = d.model_id
    LEFT JOIN ai_judge_calibrations AS k ON r.judge_calibration_id = k.id
    WHERE
        a.recommendation_id = any(cast(:recommendation_ids AS uuid[]))
        AND r.source = 'replay'
        AND r.finished_at <= :now
        AND r.finished_at >= coalesce(d.drifted_at, '-infinity')
        AND coalesce(k.passed, TRUE)
        AND (r.score IS NOT NULL OR r.error_type IN ('bad_request', 'malformed_answer', 'refusal'))
    ORDER BY a.recommendation_id, r.model_id, r.case_key, r.sequence
)

SELECT
    n.recommendation_id::text AS recommendation_id,
    avg(n.score)::double precision AS new_quality,
    avg(f.score)::double precision AS former_quality,
    array_agg(
        (n.score - f.score)::double precision ORDER BY greatest(n.sequence, f.sequence), n.case_key
    ) AS differences
FROM replayed AS n
INNER JOIN replayed AS f
    ON n.recommendation_id = f.recommendation_id AND n.case_key = f.case_key AND NOT f.is_new
WHERE
    n.is_new
    AND n.is_after
    AND (n.judge_model_id IS NULL OR f.judge_model_id IS NULL OR n.judge_model_id = f.judge_model_id)
GROUP BY n.recommendation_id;
