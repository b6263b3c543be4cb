-- Grain: one entry of the log about one feature of one organization, the newest first. Owner: features.
-- Reads: audit_log. is_undone: a later entry took it back. before_id: the last entry seen, NULL for the beginning.
SELECT
    a.id,
    a.action,
    a.actor,
    a.occurred_at,
    a.before,
    a.after,
    u.id IS NOT NULL AS is_undone
FROM audit_log AS a
LEFT JOIN audit_log AS u ON a.id = u.undoes
WHERE
    a.organization_id = cast(:organization_id AS uuid)
    AND a.subject = :feature_id
    AND a.action IN ('set_feature', 'apply', 'roll_back', 'undo')
    AND (cast(:before_id AS bigint) IS NULL OR a.id < cast(:before_id AS bigint))
ORDER BY a.id DESC
LIMIT :max_rows;
