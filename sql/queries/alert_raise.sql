-- Grain: one thing a person must know. Owner: whoever finds it. Writes: alerts. Raised once, refreshed after.
INSERT INTO alerts AS a (
    organization_id, kind, severity, natural_key, message, details, raised_at, simulated
)
VALUES (
    cast(:organization_id AS uuid), :kind, :severity, :natural_key, :message, cast(:details AS jsonb), :now,
    :simulated
)
ON CONFLICT (natural_key) DO UPDATE SET
    severity = excluded.severity,
    message = excluded.message,
    details = excluded.details,
    resolved_at = NULL;
