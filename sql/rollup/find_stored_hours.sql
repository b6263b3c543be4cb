-- Grain: one organization and hour of the day whose events are deleted. Owner: analytics.
-- Reads: ai_usage_priced_sums, ai_usage_events. Writes: the temporary table changed_hours.
CREATE TEMPORARY TABLE changed_hours ON COMMIT DROP AS
SELECT DISTINCT
    s.organization_id,
    s.hour
FROM ai_usage_priced_sums AS s
WHERE
    s.hour >= :from_at
    AND s.hour < :until_at
    AND (cast(:organization_id AS uuid) IS NULL OR s.organization_id = cast(:organization_id AS uuid))
    AND NOT EXISTS (
        SELECT 1
        FROM ai_usage_events AS e
        WHERE
            e.organization_id = s.organization_id
            AND e.occurred_at >= :from_at
            AND e.occurred_at < :until_at
    );
