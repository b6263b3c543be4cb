-- Grain: one recommendation of the night that repeats what a person rejected or snoozed. Owner: recommender.
-- Reads and writes: ai_model_recommendations. The same advice is that of the same feature, model in use and model
-- recommended. Snoozed it stays until its day, rejected since :rejected_since unless the saving has grown by half
-- since; advice to leave a model that goes away is new where the rejected one was to leave a model that stays.
UPDATE ai_model_recommendations AS r
SET
    status = k.status,
    decided_by = k.decided_by,
    decided_at = k.decided_at,
    decision_reason = k.decision_reason,
    snoozed_until = k.snoozed_until
FROM (
    SELECT
        n.id,
        b.status,
        b.decided_by,
        b.decided_at,
        b.decision_reason,
        b.snoozed_until
    FROM ai_model_recommendations AS n
    CROSS JOIN
        LATERAL (
            SELECT *
            FROM ai_model_recommendations AS x
            WHERE
                x.organization_id = n.organization_id
                AND x.feature_id = n.feature_id
                AND x.decision_date < n.decision_date
                AND x.decision_date > n.decision_date - 400
                AND x.current_model_id IS NOT DISTINCT FROM n.current_model_id
                AND x.recommended_model_id IS NOT DISTINCT FROM n.recommended_model_id
            ORDER BY x.decision_date DESC
            LIMIT 1
        ) AS b
    CROSS JOIN
        LATERAL (
            -- What the person looked at: later nights that carried the decision repeat when it was made.
            SELECT
                x.verdict,
                x.saving_usd_per_month
            FROM ai_model_recommendations AS x
            WHERE
                x.organization_id = n.organization_id
                AND x.feature_id = n.feature_id
                AND x.decision_date <= b.decision_date
                AND x.decision_date > n.decision_date - 400
                AND x.decided_at = b.decided_at
            ORDER BY x.decision_date
            LIMIT 1
        ) AS d
    WHERE
        n.decision_date = cast(:day AS date)
        AND n.status = 'open'
        AND n.decided_at IS NULL
        AND n.verdict IN ('switch', 'migrate', 'trial')
        AND (n.verdict <> 'migrate' OR d.verdict = 'migrate')
        AND (
            (b.status = 'snoozed' AND b.snoozed_until > cast(:day AS date))
            OR (
                b.status = 'rejected'
                AND b.decided_at > cast(:rejected_since AS timestamptz)
                AND NOT coalesce(
                    n.saving_usd_per_month > d.saving_usd_per_month
                    AND n.saving_usd_per_month - d.saving_usd_per_month >= 0.5 * abs(d.saving_usd_per_month),
                    FALSE
                )
            )
        )
) AS k
WHERE r.id = k.id;
