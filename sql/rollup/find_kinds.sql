-- Grain: one kind of call of one organization. Owner: analytics. Reads: usage_sums. Writes: the temporary table
-- usage_kinds, from which find_prices looks prices up.
CREATE TEMPORARY TABLE usage_kinds ON COMMIT DROP AS
SELECT DISTINCT
    s.organization_id,
    s.provider,
    s.requested_model,
    s.served_model,
    s.processing
FROM usage_sums AS s;
