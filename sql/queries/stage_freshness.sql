-- Grain: one stage of the night. Owner: analytics. Parameters: organization_ids (NULL: all).
-- Reads: ai_model_availability, usable_provider_keys, ai_model_capabilities, ai_benchmark_runs, usage_rollup_state,
-- alerts, recommender_runs, ai_model_recommendations, recommendation_outcomes.
-- broken: what stands in the way although the stage ran: keys that do not work, data that does not reconcile.
SELECT
    'discovery' AS stage,
    (
        SELECT max(a.checked_at)
        FROM ai_model_availability AS a
        WHERE
            cast(:organization_ids AS uuid[]) IS NULL
            OR a.organization_id = any(cast(:organization_ids AS uuid[]))
    ) AS succeeded_at,
    NULL::timestamptz AS failed_at,
    (
        SELECT count(*)
        FROM usable_provider_keys AS k
        WHERE
            NOT k.works
            AND (
                cast(:organization_ids AS uuid[]) IS NULL
                OR k.organization_id = any(cast(:organization_ids AS uuid[]))
            )
    ) AS broken
UNION ALL
SELECT
    'capabilities' AS stage,
    (SELECT max(c.tested_at) FROM ai_model_capabilities AS c) AS succeeded_at,
    max(b.started_at) FILTER (WHERE b.kind = 'probes' AND b.status = 'failed') AS failed_at,
    0 AS broken
FROM ai_benchmark_runs AS b
UNION ALL
SELECT
    'benchmarks' AS stage,
    max(b.finished_at) FILTER (WHERE b.kind <> 'probes' AND b.status = 'finished') AS succeeded_at,
    max(b.started_at) FILTER (WHERE b.kind = 'nightly' AND b.status = 'failed') AS failed_at,
    0 AS broken
FROM ai_benchmark_runs AS b
UNION ALL
SELECT
    'rollup' AS stage,
    (SELECT min(u.updated_at) FROM usage_rollup_state AS u) AS succeeded_at,
    NULL::timestamptz AS failed_at,
    (
        SELECT count(*)
        FROM alerts AS l
        WHERE
            l.resolved_at IS NULL
            AND l.kind IN ('reconciliation', 'data_quality')
            AND (
                cast(:organization_ids AS uuid[]) IS NULL
                OR l.organization_id = any(cast(:organization_ids AS uuid[]))
            )
    ) AS broken
UNION ALL
SELECT
    'training' AS stage,
    (SELECT max(t.trained_at) FROM recommender_runs AS t) AS succeeded_at,
    NULL::timestamptz AS failed_at,
    0 AS broken
UNION ALL
SELECT
    'publishing' AS stage,
    (
        SELECT r.created_at
        FROM ai_model_recommendations AS r
        WHERE
            cast(:organization_ids AS uuid[]) IS NULL
            OR r.organization_id = any(cast(:organization_ids AS uuid[]))
        ORDER BY r.decision_date DESC
        LIMIT 1
    ) AS succeeded_at,
    NULL::timestamptz AS failed_at,
    0 AS broken
UNION ALL
SELECT
    'review' AS stage,
    (
        SELECT o.reviewed_on::timestamp AT TIME ZONE 'UTC'
        FROM recommendation_outcomes AS o
        WHERE
            cast(:organization_ids AS uuid[]) IS NULL
            OR o.organization_id = any(cast(:organization_ids AS uuid[]))
        ORDER BY o.reviewed_on DESC
        LIMIT 1
    ) AS succeeded_at,
    NULL::timestamptz AS failed_at,
    0 AS broken;
