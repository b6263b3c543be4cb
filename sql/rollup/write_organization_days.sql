-- Grain: one organization and day with a changed hour. Owner: analytics. Reads: changed_hours, ai_model_analytics.
-- Writes: ai_organization_days: the day is all of its rows summed, so that running it again gives the same row.
WITH changed AS (
    SELECT DISTINCT c.organization_id
    FROM changed_hours AS c
),

summed AS (
    SELECT
        a.organization_id,
        sum(a.total_requests) AS total_requests,
        sum(a.success_count) AS success_count,
        sum(a.error_count) AS error_count,
        sum(a.total_cost) AS total_cost,
        sum(a.priced_requests) AS priced_requests,
        sum(a.unpriced_requests) AS unpriced_requests,
        sum(a.estimated_requests) AS estimated_requests,
        sum(a.outcome_score_sum) AS outcome_score_sum,
        sum(a.outcome_count) AS outcome_count,
        bool_or(a.simulated) AS simulated
    FROM changed AS c
    INNER JOIN ai_model_analytics AS a ON c.organization_id = a.organization_id
    WHERE a.date = cast(:day AS date)
    GROUP BY a.organization_id
),

gone AS (
    DELETE FROM ai_organization_days AS d
    USING changed AS c
    WHERE
        d.organization_id = c.organization_id
        AND d.date = cast(:day AS date)
        AND NOT EXISTS (
            SELECT 1
            FROM summed AS s
            WHERE s.organization_id = d.organization_id
        )
)

INSERT INTO ai_organization_days (
    organization_id, date, total_requests, success_count, error_count, total_cost, priced_requests,
    unpriced_requests, estimated_requests, outcome_score_sum, outcome_count, simulated
)
SELECT
    s.organization_id,
    cast(:day AS date),
    s.total_requests,
    s.success_count,
    s.error_count,
    s.total_cost,
    s.priced_requests,
    s.unpriced_requests,
    s.estimated_requests,
    s.outcome_score_sum,
    s.outcome_count,
    s.simulated
FROM summed AS s
ON CONFLICT (organization_id, date) DO UPDATE SET
    total_requests = excluded.total_requests,
    success_count = excluded.success_count,
    error_count = excluded.error_count,
    total_cost = excluded.total_cost,
    priced_requests = excluded.priced_requests,
    unpriced_requests = excluded.unpriced_requests,
    estimated_requests = excluded.estimated_requests,
    outcome_score_sum = excluded.outcome_score_sum,
    outcome_count = excluded.outcome_count,
    simulated = excluded.simulated;
