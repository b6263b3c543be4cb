-- Grain: one hour of the week in UTC (ISO weekday 1 Monday to 7, hour 0 to 23) that had requests, over the days
-- :since to :until, both included. Owner: analytics. Reads: ai_model_analytics_hourly.
-- NULL for :feature_id or :model_ids means all of them.
SELECT
    extract(ISODOW FROM h.hour AT TIME ZONE 'UTC')::integer AS weekday,
    extract(HOUR FROM h.hour AT TIME ZONE 'UTC')::integer AS hour,
    sum(h.total_requests)::bigint AS requests,
    sum(h.error_count)::bigint AS errors,
    sum(h.total_cost) AS cost_usd,
    sum(h.unpriced_requests)::bigint AS unpriced_requests
FROM ai_model_analytics_hourly AS h
WHERE
    h.organization_id = cast(:organization_id AS uuid)
    AND h.hour >= cast(:since AS date)::timestamp AT TIME ZONE 'UTC'
    AND h.hour < (cast(:until AS date) + 1)::timestamp AT TIME ZONE 'UTC'
    AND (cast(:feature_id AS text) IS NULL OR h.feature_id = :feature_id)
    AND (cast(:model_ids AS uuid[]) IS NULL OR h.model_id = any(cast(:model_ids AS uuid[])))
GROUP BY 1, 2
ORDER BY 1, 2;
