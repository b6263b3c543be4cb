-- Grain: one organization and broken expectation; `checked` counts all of the organization's events. Owner: quality.
-- Reads: ai_usage_events from :from_at to before :until_at, once, whole partitions pruned, and once more by key for repetitions.
-- An organization that nobody set up is NULL. example: the key of one such event, never its content.
WITH events AS (
    SELECT
        o.id AS organization_id,
        concat_ws(' ', e.organization_id, e.request_id, e.attempt, e.occurred_at) AS event_key,
        array_remove(
            ARRAY[
                CASE WHEN o.id IS NULL THEN 'unknown_organization' END,
                CASE WHEN f.id IS NULL THEN 'unknown_feature' END,
                CASE
                    WHEN e.occurred_at > cast(:now AS timestamptz) + interval '1 hour' THEN 'from_the_future'
                END,
                CASE
                    WHEN e.input_tokens > 50000000 OR e.output_tokens > 5000000 OR e.duration_ms > 172800000
                        THEN 'implausible_size'
                END,
                CASE WHEN trim(e.requested_model) = '' OR trim(e.provider) = '' THEN 'nameless_model' END,
                CASE
                    WHEN
                        e.error_type IS NULL
                        AND e.input_tokens + e.output_tokens + e.image_count + e.operations = 0
                        THEN 'success_without_usage'
                END,
                CASE WHEN e.error_type IS NULL AND e.duration_ms IS NULL THEN 'success_without_duration' END,
                CASE WHEN e.time_to_first_token_ms > e.duration_ms THEN 'first_token_after_end' END
            ],
            NULL
        ) AS broken
    FROM ai_usage_events AS e
    LEFT JOIN organizations AS o ON e.organization_id = o.id
    LEFT JOIN ai_features AS f ON e.feature_id = f.id
    WHERE e.occurred_at >= :from_at AND e.occurred_at < :until_at
),

repeated AS (
    SELECT
        e.organization_id,
        e.request_id,
        e.attempt,
        count(*) - 1 AS surplus
    FROM ai_usage_events AS e
    WHERE e.occurred_at >= :from_at AND e.occurred_at < :until_at
    GROUP BY e.organization_id, e.request_id, e.attempt
    HAVING count(*) > 1
)

SELECT
    e.organization_id::text AS organization_id,
    b.expectation,
    count(*) AS row_count,
    min(e.event_key) AS example
FROM events AS e
CROSS JOIN LATERAL unnest(array_prepend('checked', e.broken)) AS b (expectation)
GROUP BY e.organization_id, b.expectation
UNION ALL
SELECT
    o.id::text AS organization_id,
    'repeated_request' AS expectation,
    sum(r.surplus)::bigint AS row_count,
    min(concat_ws(' ', r.organization_id, r.request_id, r.attempt)) AS example
FROM repeated AS r
LEFT JOIN organizations AS o ON r.organization_id = o.id
GROUP BY o.id;
