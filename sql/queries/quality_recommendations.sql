-- Grain: one organization and broken expectation; `checked` counts its rows. Owner: quality.
-- Reads: ai_model_recommendations of :day that nobody decided on, ai_models, ai_model_availability; inside the
-- transaction that wrote them.
WITH recommendations AS (
    SELECT
        r.organization_id,
        concat_ws(' ', r.organization_id, r.feature_id, r.decision_date) AS row_key,
        array_remove(
            ARRAY[
                CASE WHEN jsonb_array_length(r.reasons) = 0 THEN 'without_reasons' END,
                CASE
                    WHEN r.verdict IN ('switch', 'trial') AND r.recommended_model_id IS NULL
                        THEN 'without_model'
                END,
                CASE
                    WHEN
                        r.verdict IN ('switch', 'trial', 'migrate')
                        AND r.recommended_model_id = r.current_model_id
                        THEN 'changes_to_itself'
                END,
                CASE
                    WHEN r.verdict = 'keep' AND r.recommended_model_id <> r.current_model_id
                        THEN 'keeps_another'
                END,
                CASE
                    WHEN
                        r.verdict = 'switch'
                        AND NOT coalesce(r.evidence -> 'chosen' ->> 'proven' = 'true', FALSE)
                        THEN 'unproven_switch'
                END,
                CASE
                    WHEN r.verdict IN ('switch', 'trial', 'migrate') AND m.retires_on <= r.decision_date
                        THEN 'recommends_a_retired_model'
                END,
                CASE
                    WHEN r.verdict IN ('switch', 'trial') AND v.status IN ('unavailable', 'retired')
                        THEN 'recommends_an_unavailable_model'
                END,
                CASE
                    WHEN m.owner_organization_id <> r.organization_id
                        THEN 'recommends_a_foreign_private_model'
                END,
                CASE
                    WHEN
                        (r.cost_estimate -> 'saving_usd_per_month' ->> 'low')::numeric
                        > (r.cost_estimate -> 'saving_usd_per_month' ->> 'high')::numeric
                        OR (r.cost_estimate ->> 'recommended_cost_per_request_usd')::numeric < 0
                        THEN 'impossible_cost'
                END,
                CASE WHEN r.valid_until <= r.created_at THEN 'already_expired' END,
                CASE
                    WHEN r.verdict = 'switch' AND r.cost_estimate ->> 'saving_usd_per_month' IS NULL
                        THEN 'switch_without_saving'
                END
            ],
            NULL
        ) AS broken
    FROM ai_model_recommendations AS r
    LEFT JOIN ai_models AS m ON r.recommended_model_id = m.id
    LEFT JOIN ai_model_availability AS v
        ON r.organization_id = v.organization_id AND r.recommended_model_id = v.model_id
    WHERE r.decision_date = :day AND r.decided_at IS NULL
)

SELECT
    r.organization_id::text AS organization_id,
    b.expectation,
    count(*) AS row_count,
    min(r.row_key) AS example
FROM recommendations AS r
CROSS JOIN LATERAL unnest(array_prepend('checked', r.broken)) AS b (expectation)
GROUP BY r.organization_id, b.expectation;
