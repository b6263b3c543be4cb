-- Grain: one model in one organization's own traffic, over the days after :since up to :until. Owner: analytics.
-- Reads: ai_model_analytics, ai_models.
SELECT
    m.id::text AS id,
    sum(a.total_requests)::bigint AS requests,
    sum(a.success_count)::bigint AS answers,
    sum(a.duration_sum_ms) / nullif(sum(a.duration_count), 0) AS mean_ms,
    sum(a.outcome_score_sum) / nullif(sum(a.outcome_count), 0) AS quality,
    sum(a.outcome_count)::bigint AS judged_answers,
    min(a.date) AS first_day,
    max(a.date) AS last_day,
    bool_or(a.simulated) AS simulated
FROM ai_model_analytics AS a
INNER JOIN ai_models AS m ON a.model_id = m.id
WHERE
    a.organization_id = cast(:organization_id AS uuid)
    AND a.date > cast(:since AS date)
    AND a.date <= cast(:until AS date)
    AND m.id = any(cast(:model_ids AS uuid[]))
GROUP BY m.id;
