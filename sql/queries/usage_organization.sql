-- Grain: the organization of this slug or id. Owner: usage.importing. Reads: organizations.
SELECT o.id::text AS id
FROM organizations AS o
WHERE o.slug = :name OR o.id::text = lower(:name)
