-- Grain: one open alert, the most severe first. Owner: web. Reads: alerts, organizations.
-- Parameters: organization_ids (NULL: all, for administrators only), the key of the last row seen, max_rows.
-- Alerts without an organization concern the platform: members do not see them.
WITH visible AS (
    SELECT
        a.id,
        a.organization_id,
        a.kind,
        a.severity,
        a.message,
        a.details,
        a.raised_at,
        a.simulated,
        o.name AS organization_name,
        coalesce(o.slug, cast(a.organization_id AS text), '') AS organization,
        CASE a.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END AS severity_rank
    FROM alerts AS a
    LEFT JOIN organizations AS o ON a.organization_id = o.id
    WHERE
        a.resolved_at IS NULL
        AND (
            cast(:organization_ids AS uuid[]) IS NULL
            OR a.organization_id = any(cast(:organization_ids AS uuid[]))
        )
)

SELECT v.*
FROM visible AS v
WHERE
    cast(:after_severity_rank AS integer) IS NULL
    OR (v.severity_rank, v.organization, v.id)
    > (cast(:after_severity_rank AS integer), cast(:after_organization AS text), cast(:after_id AS uuid))
ORDER BY v.severity_rank ASC, v.organization ASC, v.id ASC
LIMIT :max_rows;
