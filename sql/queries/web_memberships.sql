-- Grain: one organization that a person belongs to. Owner: web. Reads: organization_members.
SELECT m.organization_id
FROM organization_members AS m
WHERE m.user_name = :user_name
ORDER BY m.organization_id;
