-- Grain: one configured or advised feature of one organization: of those given, of all that the session may see
-- where none is given. Owner: selection. Reads: ai_feature_settings, ai_model_recommendations, ai_model_analytics,
-- ai_model_analytics_hourly.
-- accepted: a person accepted it, and neither it nor a later change of the setting put a model in use since; one that
-- keeps the model in use may still name models for kinds of work.
-- advised: the latest, unless it was rejected, taken back or is too old; proven: the models that its evidence proves
-- beside the model in use; settled: those that it was decided not to change to, as it stands.
-- Spend is what is priced: with calls of unknown price more was spent. budget_left_usd is what the budget leaves of it,
-- counted up to counted_until_s: what was spent since, only who spent it knows.
WITH assigned AS (
    SELECT
        s.organization_id,
        s.feature_id,
        s.current_model_id,
        s.fallback_model_ids,
        s.parameters,
        s.limits,
        s.workload_models,
        s.monthly_budget_usd,
        s.updated_at
    FROM ai_feature_settings AS s
    WHERE
        cast(:organizations AS uuid[]) IS NULL
        OR s.organization_id = any(cast(:organizations AS uuid[]))
)

SELECT
    s.organization_id::text AS organization_id,
    s.feature_id,
    s.current_model_id::text AS assigned,
    nullif(array_to_string(s.fallback_model_ids, ','), '') AS fallbacks,
    nullif(s.parameters, '{}')::text AS parameters,
    nullif(s.limits, '{}')::text AS limits,
    nullif(s.workload_models, '[]')::text AS workload_models,
    c.recommended_model_id::text AS accepted,
    c.by_workload,
    l.recommended_model_id::text AS advised,
    l.proven,
    coalesce(u.spent_usd >= s.monthly_budget_usd, FALSE) AS over_budget,
    l.settled,
    (s.monthly_budget_usd - coalesce(u.spent_usd, 0))::text AS budget_left_usd,
    extract(EPOCH FROM h.rolled_up_at)::double precision AS counted_until_s
FROM assigned AS s
LEFT JOIN LATERAL (
    SELECT
        CASE WHEN r.verdict IN ('switch', 'migrate') THEN r.recommended_model_id END AS recommended_model_id,
        (r.evidence -> 'by_workload')::text AS by_workload
    FROM ai_model_recommendations AS r
    WHERE
        r.organization_id = s.organization_id
        AND r.feature_id = s.feature_id
        AND r.status = 'accepted'
        AND (r.verdict IN ('switch', 'migrate') OR r.evidence ? 'by_workload')
        AND r.current_model_id IS NOT DISTINCT FROM s.current_model_id
        AND r.decided_at >= s.updated_at
    ORDER BY r.decision_date DESC
    LIMIT 1
) AS c ON TRUE
LEFT JOIN LATERAL (
    SELECT
        CASE
            WHEN x.verdict IN ('switch', 'migrate') AND x.status IN ('open', 'accepted')
                THEN x.recommended_model_id
        END AS recommended_model_id,
        (
            SELECT string_agg(t.value ->> 'model', ',' ORDER BY t.ordinality)
            FROM jsonb_array_elements(x.evidence -> 'tried') WITH ORDINALITY AS t
            WHERE t.value ->> 'proven' = 'true'
        ) AS proven,
        (
            SELECT string_agg(t.value, ',')
            FROM jsonb_array_elements_text(x.evidence -> 'settled') AS t (value)
            WHERE x.verdict = 'keep'
        ) AS settled
    FROM (
        SELECT *
        FROM ai_model_recommendations AS r
        WHERE r.organization_id = s.organization_id AND r.feature_id = s.feature_id
        ORDER BY r.decision_date DESC
        LIMIT 1
    ) AS x
    WHERE
        x.valid_until > :now
        AND x.status <> 'superseded'
        AND x.current_model_id IS NOT DISTINCT FROM s.current_model_id
) AS l ON TRUE
LEFT JOIN LATERAL (
    SELECT sum(a.total_cost) AS spent_usd
    FROM ai_model_analytics AS a
    WHERE
        s.monthly_budget_usd IS NOT NULL
        AND a.organization_id = s.organization_id
        AND a.feature_id = s.feature_id
        AND a.date >= date_trunc('month', cast(:now AS timestamptz) AT TIME ZONE 'UTC')::date
) AS u ON TRUE
LEFT JOIN LATERAL (
    SELECT a.rolled_up_at
    FROM ai_model_analytics_hourly AS a
    WHERE
        s.monthly_budget_usd IS NOT NULL
        AND a.organization_id = s.organization_id
        AND a.feature_id = s.feature_id
    ORDER BY a.hour DESC
    LIMIT 1
) AS h ON TRUE;
