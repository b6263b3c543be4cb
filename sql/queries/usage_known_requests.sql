-- Grain: one stored attempt of one of the requests that a batch brings, within the batch's time and a day around it.
-- Owner: usage.rows. Reads: ai_usage_events. One scan whatever the statistics say: a list of requests, no join.
SELECT
    e.request_id,
    e.attempt,
    e.occurred_at
FROM ai_usage_events AS e
WHERE
    e.organization_id = cast(:organization_id AS uuid)
    AND e.request_id = any(cast(:request_ids AS text[]))
    AND e.occurred_at >= cast(:first_at AS timestamptz) - interval '1 day'
    AND e.occurred_at <= cast(:last_at AS timestamptz) + interval '1 day'
