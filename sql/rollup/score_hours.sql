-- Grain: one model, organization, feature and hour with judged answers. Owner: analytics.
-- Reads: ai_usage_outcomes, ai_usage_events, changed_runs, named_models.
-- Writes: the temporary table hour_scores.
-- Several judgements of one answer count as their mean. What failed is no answer.
CREATE TEMPORARY TABLE hour_scores ON COMMIT DROP AS
SELECT
    a.organization_id,
    a.hour,
    a.feature_id,
    a.model_id,
    sum(a.score) AS outcome_score_sum,
    count(*) AS outcome_count
FROM (
    SELECT
        j.organization_id,
        j.hour,
        j.feature_id,
        m.model_id,
        avg(j.score) AS score
    FROM (
        SELECT
            e.organization_id,
            modelscout.hour_of(e.occurred_at) AS hour,
            e.occurred_at,
            e.feature_id,
            e.provider,
            e.requested_model,
            e.request_id,
            e.attempt,
            o.score
        FROM ai_usage_outcomes AS o
        INNER JOIN ai_usage_events AS e
            ON o.organization_id = e.organization_id AND o.request_id = e.request_id
        INNER JOIN changed_runs AS r
            ON
                e.organization_id = r.organization_id
                AND e.occurred_at >= r.from_at
                AND e.occurred_at < r.until_at
        WHERE
            modelscout.rollup_slot(o.organization_id) = any(cast(:slots AS integer[]))
            AND e.occurred_at >= :from_at
            AND e.occurred_at < :until_at
            AND e.error_type IS NULL
        -- What has an outcome is little: found first, before the planner underestimates all the rest.
        OFFSET 0 -- noqa: AM09
    ) AS j
    INNER JOIN named_models AS m
        ON
            j.organization_id = m.organization_id
            AND j.provider = m.provider
            AND j.requested_model = m.requested_model
    GROUP BY
        j.organization_id, j.hour, j.feature_id, m.model_id, j.request_id, j.attempt, j.occurred_at
) AS a
GROUP BY a.organization_id, a.hour, a.feature_id, a.model_id;
