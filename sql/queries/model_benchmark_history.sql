-- Grain: one suite of one feature in one benchmark run of one model. Owner: analytics.
-- Reads: ai_benchmark_results (ai_benchmark_results_platform, ai_benchmark_results_evidence).
-- The platform's own results, and an organization's replays where one is given. Calls that only warm up say nothing
-- about speed. The latest :max_rows.
SELECT
    r.run_id,
    r.source,
    r.about,
    r.feature_id AS feature,
    r.suite,
    count(*) AS n,
    count(r.error_type) FILTER (WHERE r.error_type <> 'ungraded') AS failed,
    avg(r.score)::double precision AS score,
    (percentile_cont(0.5) WITHIN GROUP (ORDER BY r.duration_ms) FILTER (WHERE NOT r.warm_up)) AS median_ms,
    sum(r.cost_usd) AS cost_usd,
    bool_or(r.simulated) AS simulated,
    max(r.finished_at) AS finished_at
FROM (
    SELECT p.*
    FROM ai_benchmark_results AS p
    WHERE p.source = 'platform' AND p.model_id = cast(:model_id AS uuid)
    UNION ALL
    SELECT o.*
    FROM ai_benchmark_results AS o
    WHERE
        o.source = 'replay'
        AND o.organization_id = cast(:organization_id AS uuid)
        AND o.model_id = cast(:model_id AS uuid)
) AS r
GROUP BY r.run_id, r.source, r.about, r.feature_id, r.suite
ORDER BY finished_at DESC, feature ASC, r.suite ASC, r.source ASC
LIMIT :max_rows;
