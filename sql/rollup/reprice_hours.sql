-- Grain: one hourly row of the changed hours. Owner: analytics. Reads: changed_hours, ai_usage_priced_sums.
-- Writes: ai_model_analytics_hourly, the columns of money alone. Calls that are in no sum cost nothing at any price.
UPDATE ai_model_analytics_hourly AS h
SET
    total_cost = CASE WHEN h.total_requests > n.unpriced_requests THEN coalesce(n.cost_usd, 0) END,
    priced_requests = h.total_requests - n.unpriced_requests,
    unpriced_requests = n.unpriced_requests,
    estimated_requests = n.estimated_requests
FROM (
    SELECT
        s.organization_id,
        s.hour,
        s.feature_id,
        s.model_id,
        sum(s.cost_usd) AS cost_usd,
        coalesce(sum(s.requests) FILTER (WHERE s.cost_usd IS NULL), 0) AS unpriced_requests,
        coalesce(sum(s.requests) FILTER (WHERE s.estimated), 0) AS estimated_requests
    FROM changed_hours AS c
    INNER JOIN ai_usage_priced_sums AS s ON c.organization_id = s.organization_id AND c.hour = s.hour
    GROUP BY s.organization_id, s.hour, s.feature_id, s.model_id
) AS n
WHERE
    h.organization_id = n.organization_id
    AND h.hour = n.hour
    AND h.feature_id = n.feature_id
    AND h.model_id = n.model_id;
