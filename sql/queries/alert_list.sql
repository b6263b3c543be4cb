-- Grain: one open alert. Owner: whoever shows it. Reads: alerts, organizations.
SELECT
    o.slug AS organization,
    a.kind,
    a.severity,
    a.message,
    a.details,
    a.raised_at,
    a.simulated
FROM alerts AS a
LEFT JOIN organizations AS o ON a.organization_id = o.id
WHERE
    a.resolved_at IS NULL
    AND (cast(:organization AS text) IS NULL OR o.slug = :organization)
ORDER BY
    CASE a.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END ASC,
    o.slug ASC,
    a.natural_key ASC;
