-- Grain: one row, what was rolled up. Owner: analytics. Reads: changed_hours, priced_sums.
SELECT
    (SELECT count(DISTINCT c.organization_id) FROM changed_hours AS c) AS days,
    (SELECT count(*) FROM changed_hours) AS hours,
    coalesce(sum(s.requests), 0)::bigint AS events,
    coalesce(sum(s.requests) FILTER (WHERE s.cost_usd IS NULL), 0)::bigint AS unpriced_events
FROM priced_sums AS s;
