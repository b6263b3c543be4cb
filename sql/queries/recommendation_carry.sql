-- Grain: one recommendation of the night that repeats what a person rejected or snoozed. Owner: recommender.
-- Reads and writes: ai_model_recommendations. The same advice is that of the same feature, model in use and model
-- recommended. Snoozed it stays until its day, rejected since :rejected_since unless the saving has grown by half
-- since; advice to leave a model that goes away is new where the rejected one was to leave a model that stays.
WITH held AS MATERIALIZED (
    -- The latest night on which the same advice was kept away.
    SELECT DISTINCT ON (n.id)
        n.id,
        n.organization_id,
        n.feature_id,
        n.current_model_id,
        n.recommended_model_id,
        n.verdict,
        n.saving_usd_per_month,
        x.status,
        x.decided_by,
        x.decided_at,
        x.decision_reason,
        x.snoozed_until,
        x.decision_date AS held_on
    FROM ai_model_recommendations AS x
    INNER JOIN ai_model_recommendations AS n
        ON
            x.organization_id = n.organization_id
            AND x.feature_id = n.feature_id
            AND x.current_model_id IS NOT DISTINCT FROM n.current_model_id
            AND x.recommended_model_id IS NOT DISTINCT FROM n.recommended_model_id
    WHERE
        x.status IN ('rejected', 'snoozed')
        AND x.decision_date < cast(:day AS date)
        AND x.decision_date > cast(:day AS date) - 400
        AND n.decision_date = cast(:day AS date)
        AND n.status = 'open'
        AND n.decided_at IS NULL
        AND (n.verdict IN ('switch', 'migrate', 'trial') OR n.evidence ? 'by_workload')
    ORDER BY n.id ASC, x.decision_date DESC
),

kept AS (
    SELECT h.*
    FROM held AS h
    CROSS JOIN
        LATERAL (
            -- What the person looked at: later nights that carried the decision repeat when it was made.
            SELECT
                x.verdict,
                x.saving_usd_per_month
            FROM ai_model_recommendations AS x
            WHERE
                x.organization_id = h.organization_id
                AND x.feature_id = h.feature_id
                AND x.status IN ('rejected', 'snoozed')
                AND x.decided_at = h.decided_at
            ORDER BY x.decision_date
            LIMIT 1
        ) AS d
    WHERE
        (h.verdict <> 'migrate' OR d.verdict = 'migrate')
        AND (
            (h.status = 'snoozed' AND h.snoozed_until > cast(:day AS date))
            OR (
                h.status = 'rejected'
                AND h.decided_at > cast(:rejected_since AS timestamptz)
                AND NOT coalesce(
                    h.saving_usd_per_month > d.saving_usd_per_month
                    AND h.saving_usd_per_month - d.saving_usd_per_month >= 0.5 * abs(d.saving_usd_per_month),
                    FALSE
                )
            )
        )
        -- Reopened since, or open again: then it stays so.
        AND NOT EXISTS (
            SELECT 1
            FROM ai_model_recommendations AS y
            WHERE
                y.organization_id = h.organization_id
                AND y.feature_id = h.feature_id
                AND y.decision_date > h.held_on
                AND y.decision_date < cast(:day AS date)
                AND y.current_model_id IS NOT DISTINCT FROM h.current_model_id
                AND y.recommended_model_id IS NOT DISTINCT FROM h.recommended_model_id
        )
)

UPDATE ai_model_recommendations AS r
SET
    status = k.status,
    decided_by = k.decided_by,
    decided_at = k.decided_at,
    decision_reason = k.decision_reason,
    snoozed_until = k.snoozed_until
FROM kept AS k
WHERE r.id = k.id;
