-- Grain: one feature of one organization that has a model assigned. Owner: recommender.
-- Reads: ai_feature_settings, ai_features, ai_models, ai_model_availability, ai_model_analytics,
-- ai_workload_samples, ai_model_recommendations. Answers and cost are of the :window_days days before :today, today's part included; days
-- without use count as days. Calls without a price cost what the priced ones do on average.
WITH demand AS (
    SELECT
        a.organization_id,
        a.feature_id,
        sum(a.success_count) AS answers,
        sum(a.unpriced_requests) AS unpriced_requests,
        cast(:today AS date) - min(a.date) + 1 AS days,
        min(a.date) AS first_day,
        max(a.date) AS last_day,
        bool_or(a.simulated) AS simulated
    FROM ai_model_analytics AS a
    WHERE a.date > cast(:today AS date) - cast(:window_days AS integer) AND a.date <= cast(:today AS date)
    GROUP BY a.organization_id, a.feature_id
),

in_use AS (
    SELECT
        a.organization_id,
        a.feature_id,
        a.model_id,
        sum(a.total_cost) * sum(a.total_requests) / nullif(sum(a.priced_requests), 0) AS cost_usd,
        sum(a.success_count) AS successes,
        sum(a.outcome_score_sum) AS outcome_score_sum,
        sum(a.outcome_count) AS outcome_count,
        sum(a.duration_sum_ms) / nullif(sum(a.duration_count), 0) AS mean_duration_ms
    FROM ai_model_analytics AS a
    WHERE a.date > cast(:today AS date) - cast(:window_days AS integer) AND a.date <= cast(:today AS date)
    GROUP BY a.organization_id, a.feature_id, a.model_id
),

exposed AS (
    -- As in lifecycle_exposure: the seven whole days before today, or before the retirement where that is past.
    SELECT
        a.organization_id,
        a.feature_id,
        a.model_id,
        sum(a.total_cost) / 7 AS cost_usd_per_day
    FROM ai_model_analytics AS a
    INNER JOIN ai_models AS m ON a.model_id = m.id
    WHERE
        a.date < least(m.retires_on, cast(:today AS date))
        AND a.date >= least(m.retires_on, cast(:today AS date)) - 7
    GROUP BY a.organization_id, a.feature_id, a.model_id
),

weekdays AS (
    SELECT
        d.organization_id,
        d.feature_id,
        count(*) AS days,
        sum(d.requests) AS requests,
        sum(d.requests * d.requests) AS squares,
        var_pop(d.requests) * count(*) AS squares_within
    FROM (
        SELECT
            a.organization_id,
            a.feature_id,
            a.date,
            sum(a.total_requests) AS requests
        FROM ai_model_analytics AS a
        WHERE a.date > cast(:today AS date) - cast(:window_days AS integer) AND a.date < cast(:today AS date)
        GROUP BY a.organization_id, a.feature_id, a.date
    ) AS d
    GROUP BY d.organization_id, d.feature_id, extract(ISODOW FROM d.date)
),

variances AS (
    -- Weekends come every week: from two weeks on only what days of the same weekday differ by is chance. What
    -- weekdays differ by counts only where the days are no whole weeks.
    SELECT
        w.organization_id,
        w.feature_id,
        sum(w.days) AS days,
        sum(w.requests) / sum(w.days) AS requests_per_day,
        sum(w.squares) - sum(w.requests) * sum(w.requests) / sum(w.days) AS squares,
        CASE WHEN sum(w.days) >= 14 THEN sum(w.squares_within) END AS squares_within,
        sum(w.days) - CASE WHEN sum(w.days) >= 14 THEN count(*) ELSE 1 END AS degrees
    FROM weekdays AS w
    GROUP BY w.organization_id, w.feature_id
),

spread AS (
    -- The error of the past days' mean and the chance of the next month's days, n / (n - 2) for the variance being
    -- estimated itself (that of Student's t), and two to three days beyond whole weeks.
    SELECT
        v.organization_id,
        v.feature_id,
        sqrt(
            greatest(coalesce(v.squares_within, v.squares), 0) / greatest(v.degrees - 2, 0.5)
            * (1.0 / v.days + 1.0 / 30.4375)
            + greatest(v.squares - coalesce(v.squares_within, v.squares), 0) / v.days
            * 3 * (1.0 / v.days ^ 2 + 1.0 / 30.4375 ^ 2)
        ) / nullif(v.requests_per_day, 0) AS demand_relative_error
    FROM variances AS v
    WHERE v.days > 1
),

samples AS (
    SELECT
        w.organization_id,
        w.feature_id,
        count(*) AS samples
    FROM ai_workload_samples AS w
    WHERE w.expires_at > :now
    GROUP BY w.organization_id, w.feature_id
)

SELECT
    s.organization_id::text AS organization_id,
    o.slug AS organization,
    s.feature_id,
    coalesce(s.objective, f.objective) AS objective,
    coalesce(s.margin, f.default_margin) AS margin,
    s.switching_cost_usd,
    s.current_model_id::text AS current_model_id,
    s.reference_model_id::text AS reference_model_id,
    m.provider AS current_provider,
    m.provider_model_id AS current_model,
    m.successor_model_id AS catalog_successor,
    m.retires_on,
    a.status AS current_status,
    coalesce(d.answers, 0) AS answers,
    coalesce(d.unpriced_requests, 0) AS unpriced_requests,
    coalesce(d.days, 0) AS days,
    p.demand_relative_error,
    d.first_day,
    d.last_day,
    u.cost_usd,
    coalesce(u.successes, 0) AS successes,
    -- No call is nothing exposed; calls without a price are unknown.
    CASE WHEN e.feature_id IS NULL THEN 0 ELSE e.cost_usd_per_day END AS cost_usd_per_day,
    u.mean_duration_ms,
    u.outcome_score_sum,
    coalesce(u.outcome_count, 0) AS outcome_count,
    coalesce(w.samples, 0) AS samples,
    (
        SELECT CASE WHEN r.verdict IN ('switch', 'migrate', 'trial') THEN r.recommended_model_id::text END
        FROM ai_model_recommendations AS r
        WHERE
            r.organization_id = s.organization_id
            AND r.feature_id = s.feature_id
            AND r.decision_date < cast(:today AS date)
        ORDER BY r.decision_date DESC
        LIMIT 1
    ) AS recommended_before,
    coalesce(d.simulated, o.simulated) AS simulated
FROM ai_feature_settings AS s
INNER JOIN organizations AS o ON s.organization_id = o.id
INNER JOIN ai_features AS f ON s.feature_id = f.id
LEFT JOIN ai_models AS m ON s.current_model_id = m.id
LEFT JOIN ai_model_availability AS a
    ON s.organization_id = a.organization_id AND s.current_model_id = a.model_id
LEFT JOIN demand AS d ON s.organization_id = d.organization_id AND s.feature_id = d.feature_id
LEFT JOIN in_use AS u
    ON
        s.organization_id = u.organization_id AND s.feature_id = u.feature_id
        AND s.current_model_id = u.model_id
LEFT JOIN exposed AS e
    ON
        s.organization_id = e.organization_id AND s.feature_id = e.feature_id
        AND s.current_model_id = e.model_id
LEFT JOIN spread AS p ON s.organization_id = p.organization_id AND s.feature_id = p.feature_id
LEFT JOIN samples AS w ON s.organization_id = w.organization_id AND s.feature_id = w.feature_id
WHERE o.modelscout_enabled
ORDER BY o.slug, s.feature_id;
