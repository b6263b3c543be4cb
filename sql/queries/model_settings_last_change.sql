-- Grain: the latest change of one model's settings that still stands: neither an undoing nor undone. Owner: features.
-- Reads: audit_log.
SELECT
    a.id,
    a.before,
    a.after
FROM audit_log AS a
WHERE
    a.organization_id = cast(:organization_id AS uuid)
    AND a.subject = :model_id
    AND a.action = 'set_model'
    AND NOT EXISTS (
        SELECT 1
        FROM audit_log AS u
        WHERE u.undoes = a.id
    )
ORDER BY a.id DESC
LIMIT 1;
