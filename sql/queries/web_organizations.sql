-- Grain: one organization that a person sees, by name. Owner: web. Reads: organizations, organization_members.
-- Parameters: user_name, is_administrator (sees all).
SELECT
    cast(o.id AS text) AS id,
    coalesce(o.slug, cast(o.id AS text)) AS slug,
    coalesce(o.name, o.slug, cast(o.id AS text)) AS name,
    coalesce(o.simulated, FALSE) AS simulated,
    m.role
FROM organizations AS o
LEFT JOIN organization_members AS m ON o.id = m.organization_id AND m.user_name = :user_name
WHERE cast(:is_administrator AS boolean) OR m.user_name IS NOT NULL
ORDER BY coalesce(o.name, o.slug, cast(o.id AS text)), o.id;
