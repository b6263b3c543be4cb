-- Grain: one event of one model. Owner: analytics. Reads: model_events (model_events_model), organizations.
-- Without an organization an event is everybody's; organization_ids NULL means all.
SELECT
    e.kind,
    o.slug AS organization,
    e.details,
    e.occurred_at,
    e.simulated
FROM model_events AS e
LEFT JOIN organizations AS o ON e.organization_id = o.id
WHERE
    e.model_id = cast(:model_id AS uuid)
    AND (
        e.organization_id IS NULL
        OR cast(:organization_ids AS uuid[]) IS NULL
        OR e.organization_id = any(cast(:organization_ids AS uuid[]))
    )
ORDER BY e.occurred_at DESC, e.natural_key ASC
LIMIT :max_rows;
