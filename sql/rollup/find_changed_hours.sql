-- Grain: one organization and hour of the day from :from_at to :until_at that is rolled up anew. Owner: analytics.
-- Reads: ai_usage_events, ai_usage_outcomes, organizations. Writes: the temporary table changed_hours.
-- Those with something new; with :since NULL every hour of the day (a backfill), of one organization where
-- :organization_id is given.
CREATE TEMPORARY TABLE changed_hours ON COMMIT DROP AS
SELECT
    o.id AS organization_id,
    h.hour
FROM organizations AS o
CROSS JOIN
    generate_series(
        cast(:from_at AS timestamptz), cast(:until_at AS timestamptz) - interval '1 hour', interval '1 hour'
    ) AS h (hour)
WHERE
    cast(:since AS text) IS NULL
    AND modelscout.rollup_slot(o.id) = any(cast(:slots AS integer[]))
    AND (cast(:organization_id AS uuid) IS NULL OR o.id = cast(:organization_id AS uuid))
UNION
SELECT
    e.organization_id,
    modelscout.hour_of(e.occurred_at) AS hour
FROM ai_usage_events AS e
INNER JOIN organizations AS o ON e.organization_id = o.id
WHERE
    e.added_by >= cast(cast(:since AS text) AS xid8)
    AND e.occurred_at >= :from_at
    AND e.occurred_at < :until_at
    AND modelscout.rollup_slot(e.organization_id) = any(cast(:slots AS integer[]))
UNION
SELECT
    e.organization_id,
    modelscout.hour_of(e.occurred_at) AS hour
FROM ai_usage_outcomes AS o
INNER JOIN ai_usage_events AS e ON o.organization_id = e.organization_id AND o.request_id = e.request_id
INNER JOIN organizations AS n ON e.organization_id = n.id
WHERE
    o.added_by >= cast(cast(:since AS text) AS xid8)
    AND e.occurred_at >= :from_at
    AND e.occurred_at < :until_at
    AND modelscout.rollup_slot(o.organization_id) = any(cast(:slots AS integer[]));
