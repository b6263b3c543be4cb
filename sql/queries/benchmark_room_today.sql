-- Grain: one organization: its limit of a day for benchmarks, and what is spent or held of it. Owner: benchmarks.
-- Reads: organizations, spend_reservations. A block that nobody settled counts in full.
SELECT
    o.benchmark_limit_usd_per_day AS limit_usd,
    coalesce((
        SELECT sum(coalesce(s.settled_usd, s.reserved_usd))
        FROM spend_reservations AS s
        WHERE s.organization_id = o.id AND s.created_at >= cast(:day AS timestamptz)
    ), 0) AS spent_usd
FROM organizations AS o
WHERE o.id = cast(:organization_id AS uuid);
