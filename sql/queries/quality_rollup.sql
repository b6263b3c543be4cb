-- Grain: one organization and broken expectation; `checked` counts all of the organization's rows. Owner: quality.
-- Reads: ai_model_analytics, once.
WITH analytics AS (
    SELECT
        a.organization_id,
        concat_ws(
            ' ', coalesce(a.organization_id::text, 'no organization'), coalesce(a.feature_id, 'no feature'),
            coalesce(a.model_id::text, 'no model'), a.date
        ) AS row_key,
        array_remove(
            ARRAY[
                CASE WHEN a.organization_id IS NULL THEN 'without_organization' END,
                CASE WHEN a.model_id IS NULL THEN 'without_model' END,
                CASE
                    WHEN
                        count(*) OVER (PARTITION BY a.organization_id, a.feature_id, a.model_id, a.date) > 1
                        THEN 'repeated_key'
                END,
                CASE WHEN a.total_requests < 1 THEN 'without_requests' END,
                CASE
                    WHEN
                        a.success_count < 0 OR a.error_count < 0
                        OR a.success_count + a.error_count <> a.total_requests
                        THEN 'counts_do_not_add_up'
                END,
                CASE
                    WHEN
                        a.success_rate NOT BETWEEN 0 AND 1
                        OR abs(a.success_rate * a.total_requests - a.success_count)
                        > 0.0001 * a.total_requests
                        THEN 'wrong_success_rate'
                END,
                CASE WHEN a.total_cost < 0 THEN 'negative_cost' END,
                CASE WHEN a.total_cost IS NOT NULL AND a.priced_requests = 0 THEN 'cost_without_price' END,
                CASE WHEN a.date > cast(:today AS date) + 1 THEN 'from_the_future' END,
                CASE WHEN a.unpriced_requests > 0 THEN 'unpriced' END
            ],
            NULL
        ) AS broken
    FROM ai_model_analytics AS a
)

SELECT
    a.organization_id::text AS organization_id,
    b.expectation,
    count(*) AS row_count,
    min(a.row_key) AS example
FROM analytics AS a
CROSS JOIN LATERAL unnest(array_prepend('checked', a.broken)) AS b (expectation)
GROUP BY a.organization_id, b.expectation;
