-- Grain: one change by a person on the page, once for each organization that it is about; NULL is all of them.
-- Owner: web. Writes: audit_log.
INSERT INTO audit_log (organization_id, actor, action, subject, before, after, occurred_at)
SELECT
    o.organization_id,
    :actor,
    :action,
    :subject,
    cast(:before AS jsonb),
    cast(:after AS jsonb),
    :now
FROM unnest(cast(:organization_ids AS uuid[])) AS o (organization_id);
