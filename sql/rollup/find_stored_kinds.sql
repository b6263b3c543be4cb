-- Grain: one kind of call of one organization, as find_kinds. Owner: analytics.
-- Reads: changed_hours, ai_usage_priced_sums. Writes: the temporary table usage_kinds.
CREATE TEMPORARY TABLE usage_kinds ON COMMIT DROP AS
SELECT DISTINCT
    s.organization_id,
    s.provider,
    s.requested_model,
    s.served_model,
    s.processing
FROM changed_hours AS c
INNER JOIN ai_usage_priced_sums AS s ON c.organization_id = s.organization_id AND c.hour = s.hour;
