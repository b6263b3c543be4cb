-- Grain: one change of one feature's settings. Owner: features. Writes: audit_log.
INSERT INTO audit_log (organization_id, actor, action, subject, before, after, occurred_at, undoes)
VALUES (
    cast(:organization_id AS uuid), :actor, :action, :feature_id, cast(:before AS jsonb),
    cast(:after AS jsonb), :now, :undoes
);
