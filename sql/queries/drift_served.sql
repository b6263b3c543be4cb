-- Grain: one due stream and day whose answers name one model most of the time. Owner: drift.
-- Reads: ai_usage_events. Writes: the temporary table drift_served.
CREATE TEMPORARY TABLE drift_served ON COMMIT DROP AS
WITH answers AS MATERIALIZED (
    SELECT
        e.organization_id,
        e.feature_id,
        e.provider,
        e.requested_model,
        e.served_model,
        (e.occurred_at AT TIME ZONE 'UTC')::date AS day,
        count(*) AS requests
    FROM ai_usage_events AS e
    WHERE
        e.occurred_at >= (SELECT min(d.consumed_until) + 1 FROM drift_due AS d)::timestamp AT TIME ZONE 'UTC'
        AND e.occurred_at < cast(:today AS date)::timestamp AT TIME ZONE 'UTC'
        AND e.served_model IS NOT NULL
    GROUP BY e.organization_id, e.feature_id, e.provider, e.requested_model, e.served_model, day
),

named AS MATERIALIZED (
    SELECT
        n.*,
        m.model_id
    FROM (
        SELECT DISTINCT
            organization_id,
            provider,
            requested_model
        FROM answers
    ) AS n
    CROSS JOIN LATERAL modelscout.model_named(n.provider, n.requested_model, n.organization_id) AS m
),

counted AS (
    SELECT
        a.organization_id,
        a.feature_id,
        n.model_id,
        a.day,
        a.served_model,
        sum(a.requests) AS requests,
        sum(sum(a.requests)) OVER (
            PARTITION BY a.organization_id, a.feature_id, n.model_id, a.day
        ) AS answers
    FROM answers AS a
    INNER JOIN named AS n
        ON
            a.organization_id = n.organization_id AND a.provider = n.provider
            AND a.requested_model = n.requested_model
    GROUP BY a.organization_id, a.feature_id, n.model_id, a.day, a.served_model
)

SELECT
    c.organization_id,
    c.feature_id,
    c.model_id,
    c.day,
    c.served_model
FROM counted AS c
WHERE 2 * c.requests > c.answers;
