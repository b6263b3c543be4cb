-- Grain: one rollup row of a changed day that no event stands behind any more. Owner: analytics.
DELETE FROM ai_model_analytics AS a
USING changed_days AS d
WHERE
    a.organization_id = d.organization_id
    AND a.date = d.day
    AND NOT EXISTS (
        SELECT 1
        FROM priced_events AS p
        WHERE
            p.organization_id = a.organization_id
            AND p.day = a.date
            AND p.model_id = a.model_id
            AND p.feature_id = a.feature_id
    );
