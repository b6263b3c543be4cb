-- Grain: one organization and hour that is rolled up anew though it need not. Owner: analytics. Writes: changed_hours.
-- Where half of the hours between the first and the last have changed, all of them are taken: reading the events once
-- from end to end is faster than by pieces, and an hour that is made again is the same.
INSERT INTO changed_hours (organization_id, hour)
SELECT
    o.organization_id,
    h.hour
FROM (SELECT DISTINCT c.organization_id FROM changed_hours AS c) AS o
CROSS JOIN
    generate_series(
        (SELECT min(c.hour) FROM changed_hours AS c),
        (SELECT max(c.hour) FROM changed_hours AS c),
        interval '1 hour'
    ) AS h (hour)
WHERE
    (
        SELECT
            2 * count(*) >= count(DISTINCT c.organization_id)
            * (extract(EPOCH FROM max(c.hour) - min(c.hour)) / 3600 + 1)
        FROM changed_hours AS c
    )
    AND NOT EXISTS (
        SELECT 1
        FROM changed_hours AS c
        WHERE c.organization_id = o.organization_id AND c.hour = h.hour
    );
