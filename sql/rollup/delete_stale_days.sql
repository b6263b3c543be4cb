-- Grain: one rollup row of a changed day that no hour stands behind any more. Owner: analytics.
-- Reads: changed_hours, ai_model_analytics_hourly. Writes: ai_model_analytics.
DELETE FROM ai_model_analytics AS a
USING (SELECT DISTINCT c.organization_id FROM changed_hours AS c) AS d
WHERE
    a.organization_id = d.organization_id
    AND a.date = cast(:day AS date)
    AND NOT EXISTS (
        SELECT 1
        FROM ai_model_analytics_hourly AS h
        WHERE
            h.organization_id = a.organization_id
            AND h.hour >= :from_at
            AND h.hour < :until_at
            AND h.model_id = a.model_id
            AND h.feature_id = a.feature_id
    );
