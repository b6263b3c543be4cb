-- Grain: one organization, feature, model, kind of work, source and period (0 to train on, 1 to judge on, 2 to judge
-- on and new to the version in use). Owner: recommender. Reads: ai_model_analytics, ai_usage_events,
-- ai_benchmark_results, ai_judge_calibrations, ai_workload_samples, ai_models, organizations, model_drifts,
-- vendor_model_drifts.
-- For each target y (quality: mean score; latency: log of the mean ms; cost: log of the mean USD per answered
-- request) the sums over days that means and variances need: days, n, n*y, n*y*y, n*n, with n the day's answers.
-- The kind of work is `complexity`: of a replayed item its own, of traffic the one that most requests of the feature
-- had on the day before :today, else the one that most samples have, else unknown.
-- An item counts once per model, with its first finished replay; a failure of the model itself scores 0, the verdict
-- of a judge that failed its calibration does not count, and neither does anything of before a model changed under
-- its id. shares is false where an organization keeps its figures to itself.
WITH usual AS (
    SELECT DISTINCT ON (k.organization_id, k.feature_id)
        k.organization_id,
        k.feature_id,
        k.complexity
    FROM (
        SELECT
            1 AS choice,
            e.organization_id,
            e.feature_id,
            e.workload ->> 'complexity' AS complexity,
            count(*) AS requests
        FROM ai_usage_events AS e
        WHERE
            e.occurred_at >= (cast(:today AS date) - 1)::timestamp AT TIME ZONE 'UTC'
            AND e.occurred_at < cast(:today AS date)::timestamp AT TIME ZONE 'UTC'
        GROUP BY e.organization_id, e.feature_id, e.workload ->> 'complexity'
        UNION ALL
        SELECT
            2 AS choice,
            w.organization_id,
            w.feature_id,
            w.workload ->> 'complexity' AS complexity,
            count(*) AS requests
        FROM ai_workload_samples AS w
        GROUP BY w.organization_id, w.feature_id, w.workload ->> 'complexity'
    ) AS k
    WHERE k.complexity IN ('low', 'medium', 'high')
    ORDER BY k.organization_id ASC, k.feature_id ASC, k.choice ASC, k.requests DESC, k.complexity ASC
),

replayed AS (
    SELECT DISTINCT ON (r.organization_id, r.feature_id, r.model_id, r.case_key, r.suite)
        r.organization_id,
        r.feature_id,
        r.model_id,
        r.source,
        r.case_key,
        r.finished_at,
        coalesce(r.score, 0)::double precision AS score,
        coalesce(r.standard_cost_usd, r.cost_usd)::double precision AS cost_usd,
        CASE WHEN r.error_type IS NULL THEN r.duration_ms END AS duration_ms
    FROM ai_benchmark_results AS r
    LEFT JOIN ai_judge_calibrations AS k ON r.judge_calibration_id = k.id
    LEFT JOIN model_drifts AS d ON r.organization_id = d.organization_id AND r.model_id = d.model_id
    LEFT JOIN vendor_model_drifts AS v ON r.model_id = v.model_id
    WHERE
        coalesce(k.passed, TRUE)
        AND (r.score IS NOT NULL OR r.error_type IN ('bad_request', 'malformed_answer', 'refusal'))
        AND r.finished_at >= coalesce(greatest(d.drifted_at, v.drifted_at), '-infinity')
    ORDER BY r.organization_id, r.feature_id, r.model_id, r.case_key, r.suite, r.sequence
),

days AS (
    SELECT
        a.organization_id,
        a.feature_id,
        a.model_id,
        'traffic' AS source,
        NULL AS complexity,
        a.date AS day,
        a.outcome_count::double precision AS quality_n,
        (a.outcome_score_sum / nullif(a.outcome_count, 0))::double precision AS quality,
        a.duration_count::double precision AS latency_n,
        ln(nullif(a.duration_sum_ms, 0)::double precision / nullif(a.duration_count, 0)) AS latency,
        a.success_count::double precision AS cost_n,
        ln(
            nullif(a.total_cost, 0)::double precision * a.total_requests
            / nullif(a.priced_requests * a.success_count, 0)
        ) AS cost
    FROM ai_model_analytics AS a
    LEFT JOIN model_drifts AS d ON a.organization_id = d.organization_id AND a.model_id = d.model_id
    LEFT JOIN vendor_model_drifts AS v ON a.model_id = v.model_id
    WHERE
        a.date > cast(:since AS date)
        AND a.date <= cast(:today AS date)
        AND a.feature_id IS NOT NULL
        AND a.date::timestamp AT TIME ZONE 'UTC'
        >= coalesce(greatest(d.drifted_at, v.drifted_at), '-infinity')
    UNION ALL
    SELECT
        r.organization_id,
        r.feature_id,
        r.model_id,
        r.source,
        w.workload ->> 'complexity' AS complexity,
        (r.finished_at AT TIME ZONE 'UTC')::date AS day,
        count(*) AS quality_n,
        avg(r.score) AS quality,
        count(r.duration_ms) AS latency_n,
        ln(nullif(avg(r.duration_ms), 0))::double precision AS latency,
        count(r.cost_usd) AS cost_n,
        ln(nullif(avg(r.cost_usd), 0)) AS cost
    FROM replayed AS r
    LEFT JOIN ai_workload_samples AS w
        ON
            r.organization_id = w.organization_id AND r.feature_id = w.feature_id AND r.case_key = w.item_key
            AND w.workload ->> 'complexity' IN ('low', 'medium', 'high')
    WHERE
        (r.finished_at AT TIME ZONE 'UTC')::date > cast(:since AS date)
        AND (r.finished_at AT TIME ZONE 'UTC')::date <= cast(:today AS date)
    GROUP BY
        r.organization_id, r.feature_id, r.model_id, r.source, w.workload ->> 'complexity',
        (r.finished_at AT TIME ZONE 'UTC')::date
),

summed AS (
    SELECT
        d.organization_id,
        d.feature_id,
        d.model_id,
        d.source,
        d.complexity,
        CASE
            WHEN d.day < cast(:later_from AS date) THEN 0
            WHEN d.day < cast(:unseen_from AS date) THEN 1
            ELSE 2
        END AS period,
        min(d.day) AS first_day,
        max(d.day) AS last_day,
        count(*) FILTER (WHERE d.quality IS NOT NULL) AS quality_days,
        sum(d.quality_n) FILTER (WHERE d.quality IS NOT NULL) AS quality_n,
        sum(d.quality_n * d.quality) AS quality_ny,
        sum(d.quality_n * d.quality * d.quality) AS quality_nyy,
        sum(d.quality_n * d.quality_n) FILTER (WHERE d.quality IS NOT NULL) AS quality_nn,
        count(*) FILTER (WHERE d.latency IS NOT NULL) AS latency_days,
        sum(d.latency_n) FILTER (WHERE d.latency IS NOT NULL) AS latency_n,
        sum(d.latency_n * d.latency) AS latency_ny,
        sum(d.latency_n * d.latency * d.latency) AS latency_nyy,
        sum(d.latency_n * d.latency_n) FILTER (WHERE d.latency IS NOT NULL) AS latency_nn,
        count(*) FILTER (WHERE d.cost IS NOT NULL) AS cost_days,
        sum(d.cost_n) FILTER (WHERE d.cost IS NOT NULL) AS cost_n,
        sum(d.cost_n * d.cost) AS cost_ny,
        sum(d.cost_n * d.cost * d.cost) AS cost_nyy,
        sum(d.cost_n * d.cost_n) FILTER (WHERE d.cost IS NOT NULL) AS cost_nn
    FROM days AS d
    WHERE d.quality IS NOT NULL OR d.latency IS NOT NULL OR d.cost IS NOT NULL
    GROUP BY d.organization_id, d.feature_id, d.model_id, d.source, d.complexity, 6
)

SELECT
    coalesce(s.organization_id::text, 'platform') AS organization_id,
    s.feature_id,
    s.model_id::text AS model_id,
    coalesce(m.family, 'unknown') AS family,
    coalesce(s.complexity, u.complexity, 'unknown') AS workload,
    s.source,
    coalesce((m.use_case_scores -> 'high_accuracy' ->> 'score')::double precision, 50)
    / 100 AS documented_accuracy,
    coalesce(o.shares_aggregates, TRUE) AS shares,
    s.period,
    s.first_day,
    s.last_day,
    s.quality_days,
    s.quality_n,
    s.quality_ny,
    s.quality_nyy,
    s.quality_nn,
    s.latency_days,
    s.latency_n,
    s.latency_ny,
    s.latency_nyy,
    s.latency_nn,
    s.cost_days,
    s.cost_n,
    s.cost_ny,
    s.cost_nyy,
    s.cost_nn
FROM summed AS s
INNER JOIN ai_models AS m ON s.model_id = m.id
LEFT JOIN organizations AS o ON s.organization_id = o.id
LEFT JOIN usual AS u ON s.organization_id = u.organization_id AND s.feature_id = u.feature_id;
