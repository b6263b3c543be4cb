-- Grain: one change of one negotiated price. Owner: analytics. Writes: audit_log.
INSERT INTO audit_log (organization_id, actor, action, subject, before, after, occurred_at)
VALUES (
    cast(:organization_id AS uuid), :actor, 'set_price', :subject,
    cast(:before AS jsonb), cast(:after AS jsonb),
    :now
);
