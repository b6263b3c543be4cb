-- Grain: one model that an experiment tried beside the model in use of a feature of one organization, or beside the
-- model that the margin is fixed to where that is another: for the feature as a whole (complexity any) and for each
-- level of complexity that the requests were recorded with; with its judged requests as arrays in the order in which
-- they were made. Owner: recommender. Reads: ai_usage_events, ai_usage_outcomes, ai_feature_settings,
-- ai_models, model_drifts.
-- A request is the first attempt of a call with an experiment and the chance that it had to get its model. Several
-- judgements of one answer count as their mean; a failure of the model itself scores 0, a failure of the network or of
-- a limit is no evidence. What was answered before either model changed under its id counts no more: requests to one of
-- them alone would be compared with nothing.
-- A request counts once :mature_days days have passed, with what was judged within them: one model's answers may be
-- judged sooner than another's, so that the order in which judgements come in would tell the models apart.
-- Requests with the same workload.trial_unit share one draw: the first of them counts.
-- An experiment with a chance below :least_propensity is left out as a whole.
WITH drawn AS (
    SELECT
        e.organization_id,
        e.feature_id,
        e.experiment_id,
        e.request_id,
        e.occurred_at,
        m.model_id,
        cast(e.propensity AS double precision) AS propensity,
        e.duration_ms,
        CASE WHEN e.duration_ms IS NOT NULL THEN ln(greatest(e.duration_ms, 1.0)) END AS log_latency,
        e.simulated,
        e.workload ->> 'complexity' AS complexity,
        cast(c.cost_usd AS double precision) AS cost_usd,
        CASE
            WHEN e.error_type IN ('bad_request', 'malformed_answer', 'refusal') THEN 0
            WHEN e.error_type IS NULL THEN o.score
        END AS score,
        -- Network and limits: neither judged nor to be judged.
        e.error_type IS NULL OR e.error_type IN ('bad_request', 'malformed_answer', 'refusal') AS counts,
        cast(extract(EPOCH FROM e.occurred_at) * 1000000 AS bigint) AS sequence,
        e.workload ->> 'trial_unit' IS NULL OR row_number() OVER (
            PARTITION BY e.organization_id, e.feature_id, e.experiment_id, e.workload ->> 'trial_unit'
            ORDER BY e.occurred_at, e.request_id
        ) = 1 AS is_first
    FROM ai_usage_events AS e
    CROSS JOIN LATERAL modelscout.model_named(e.provider, e.requested_model, e.organization_id) AS m
    LEFT JOIN LATERAL (
        SELECT cast(avg(j.score) AS double precision) AS score
        FROM ai_usage_outcomes AS j
        WHERE
            j.organization_id = e.organization_id
            AND j.request_id = e.request_id
            AND j.recorded_at <= e.occurred_at + :mature_days * interval '1 day'
    ) AS o ON TRUE
    LEFT JOIN LATERAL modelscout.price_usage(
        e.organization_id, e.provider, m.provider_model_id, e.processing, e.occurred_at,
        e.input_tokens, e.output_tokens, e.cache_read_tokens, e.cache_write_tokens,
        e.cache_write_1h_tokens, cast(e.operations AS bigint), cast(e.image_count AS bigint)
    ) AS c ON e.error_type IS NULL
    WHERE
        e.experiment_id IS NOT NULL
        AND e.propensity IS NOT NULL
        AND e.attempt = 1
        AND e.occurred_at < cast(:now AS timestamptz) - :mature_days * interval '1 day'
),

requests AS (
    SELECT * FROM drawn AS d
    WHERE d.is_first
),

compared AS (
    SELECT
        s.organization_id,
        s.feature_id,
        s.current_model_id,
        s.current_model_id AS reference_model_id
    FROM ai_feature_settings AS s
    WHERE s.current_model_id IS NOT NULL
    UNION
    SELECT
        s.organization_id,
        s.feature_id,
        s.current_model_id,
        s.reference_model_id
    FROM ai_feature_settings AS s
    WHERE s.current_model_id IS NOT NULL AND s.reference_model_id IS NOT NULL
),

experiments AS (
    SELECT
        r.organization_id,
        r.feature_id,
        r.experiment_id,
        array_agg(DISTINCT r.model_id) AS models
    FROM requests AS r
    GROUP BY r.organization_id, r.feature_id, r.experiment_id
    HAVING min(r.propensity) >= :least_propensity
),

tried AS (
    SELECT
        x.organization_id,
        x.feature_id,
        x.experiment_id,
        c.current_model_id,
        c.reference_model_id,
        t.model_id,
        (
            SELECT max(d.drifted_at)
            FROM model_drifts AS d
            WHERE d.organization_id = x.organization_id AND d.model_id IN (t.model_id, c.reference_model_id)
        ) AS drifted_at
    FROM experiments AS x
    INNER JOIN compared AS c ON x.organization_id = c.organization_id AND x.feature_id = c.feature_id
    CROSS JOIN LATERAL unnest(x.models) AS t (model_id)
    WHERE
        c.reference_model_id = any(x.models)
        AND t.model_id <> c.current_model_id
        AND t.model_id <> c.reference_model_id
)

SELECT
    'randomised' AS kind,
    CASE WHEN grouping(r.complexity) = 1 THEN 'any' ELSE r.complexity END AS complexity,
    cast(t.organization_id AS text) AS organization_id,
    t.feature_id,
    cast(t.model_id AS text) AS model_id,
    cast(t.reference_model_id AS text) AS reference_model_id,
    t.reference_model_id = t.current_model_id AS is_in_use,
    m.provider,
    m.provider_model_id AS model,
    array_agg(r.score ORDER BY r.sequence, r.request_id) FILTER (WHERE r.score IS NOT NULL) AS scores,
    array_agg(r.model_id = t.model_id ORDER BY r.sequence, r.request_id) FILTER (WHERE r.score IS NOT NULL)
        AS is_candidate,
    array_agg(r.propensity ORDER BY r.sequence, r.request_id) FILTER (WHERE r.score IS NOT NULL)
        AS propensities,
    count(r.score) FILTER (WHERE r.model_id = t.model_id) AS candidate_judged,
    count(*) FILTER (WHERE r.counts AND r.model_id = t.model_id) AS candidate_requests,
    count(r.score) FILTER (WHERE r.model_id <> t.model_id) AS reference_judged,
    count(*) FILTER (WHERE r.counts AND r.model_id <> t.model_id) AS reference_requests,
    count(r.cost_usd) FILTER (WHERE r.model_id = t.model_id) AS candidate_priced,
    sum(r.cost_usd) FILTER (WHERE r.model_id = t.model_id) AS candidate_cost,
    sum(r.cost_usd ^ 2) FILTER (WHERE r.model_id = t.model_id) AS candidate_cost_squared,
    count(r.cost_usd) FILTER (WHERE r.model_id <> t.model_id) AS reference_priced,
    sum(r.cost_usd) FILTER (WHERE r.model_id <> t.model_id) AS reference_cost,
    sum(r.cost_usd ^ 2) FILTER (WHERE r.model_id <> t.model_id) AS reference_cost_squared,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY r.duration_ms) FILTER (WHERE r.model_id = t.model_id)
        AS candidate_median_ms,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY r.duration_ms) FILTER (WHERE r.model_id <> t.model_id)
        AS reference_median_ms,
    count(r.log_latency) FILTER (WHERE r.model_id = t.model_id) AS candidate_timed,
    sum(r.log_latency) FILTER (WHERE r.model_id = t.model_id) AS candidate_log_latency,
    sum(r.log_latency ^ 2) FILTER (WHERE r.model_id = t.model_id) AS candidate_log_latency_squared,
    count(r.log_latency) FILTER (WHERE r.model_id <> t.model_id) AS reference_timed,
    sum(r.log_latency) FILTER (WHERE r.model_id <> t.model_id) AS reference_log_latency,
    sum(r.log_latency ^ 2) FILTER (WHERE r.model_id <> t.model_id) AS reference_log_latency_squared,
    min(r.sequence) FILTER (WHERE r.score IS NOT NULL) AS first_sequence,
    max(r.sequence) FILTER (WHERE r.score IS NOT NULL) AS last_sequence,
    bool_or(r.simulated) AS simulated
FROM tried AS t
INNER JOIN requests AS r
    ON
        t.organization_id = r.organization_id AND t.feature_id = r.feature_id
        AND t.experiment_id = r.experiment_id
        AND (t.model_id = r.model_id OR t.reference_model_id = r.model_id)
        AND coalesce(t.drifted_at, '-infinity') <= r.occurred_at
INNER JOIN ai_models AS m ON t.model_id = m.id
GROUP BY
    t.organization_id, t.feature_id, t.model_id, t.reference_model_id, t.current_model_id, m.provider,
    m.provider_model_id,
    GROUPING SETS ((), (r.complexity))
HAVING
    count(r.score) > 0
    AND (grouping(r.complexity) = 1 OR r.complexity IN ('low', 'medium', 'high'))
ORDER BY t.organization_id, t.feature_id, t.model_id, complexity;
