-- Grain: one rollup row of a range of days, as it stood before re-pricing. Owner: analytics.
-- Reads: ai_model_analytics. Writes: the temporary table repriced_before. organization_id NULL is everybody.
CREATE TEMPORARY TABLE repriced_before ON COMMIT DROP AS
SELECT
    a.organization_id,
    a.model_id,
    a.feature_id,
    a.date,
    a.total_cost,
    a.total_requests,
    a.unpriced_requests,
    a.estimated_requests
FROM ai_model_analytics AS a
WHERE
    a.date BETWEEN cast(:first_day AS date) AND cast(:last_day AS date)
    AND (cast(:organization_id AS uuid) IS NULL OR a.organization_id = cast(:organization_id AS uuid))
