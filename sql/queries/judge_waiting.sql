-- Grain: one answer that waits for its judge. Owner: benchmarks.
-- Reads: ai_benchmark_answers, ai_benchmark_results, ai_models. suite_models are all that answered the same suite
-- lately: what is compared gets one judge.
WITH waiting AS (
    SELECT
        a.*,
        r.source,
        r.suite,
        r.sequence,
        r.model_id,
        r.served_model
    FROM ai_benchmark_answers AS a
    INNER JOIN ai_benchmark_results AS r ON a.result_id = r.id
    WHERE a.payer_organization_id::text = any(cast(:payers AS text[])) AND a.expires_at > :now
),

compared AS (
    SELECT
        x.suite,
        jsonb_agg(DISTINCT jsonb_build_object('provider', m.provider, 'model', m.provider_model_id)) AS models
    FROM ai_benchmark_results AS x
    INNER JOIN ai_models AS m ON x.model_id = m.id
    WHERE
        x.suite IN (
            SELECT w.suite
            FROM waiting AS w
        )
        AND x.finished_at >= cast(:since AS timestamptz)
        AND (x.judge_calibration_id IS NOT NULL OR x.error_type = 'ungraded')
    GROUP BY x.suite
)

SELECT
    w.result_id::text AS result_id,
    w.payer_organization_id::text AS payer_organization_id,
    w.question,
    w.reference,
    w.answer,
    w.order_seed,
    w.source,
    m.provider,
    m.provider_model_id AS model,
    w.served_model,
    coalesce(c.models, '[]') AS suite_models
FROM waiting AS w
INNER JOIN ai_models AS m ON w.model_id = m.id
LEFT JOIN compared AS c ON w.suite = c.suite
ORDER BY w.sequence;
