-- Grain: one hourly row of an hour that is replaced. Owner: analytics. Reads: changed_hours.
DELETE FROM ai_model_analytics_hourly AS a
USING changed_hours AS c
WHERE a.organization_id = c.organization_id AND a.hour = c.hour;
