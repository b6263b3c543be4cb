-- Grain: one organization that names judges of its own. Owner: benchmarks. Reads: organizations.
SELECT
    o.id::text AS organization_id,
    o.judge_model
FROM organizations AS o
WHERE o.id::text = any(cast(:organizations AS text[])) AND trim(o.judge_model) <> '';
