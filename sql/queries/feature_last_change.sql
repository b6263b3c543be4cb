-- Grain: the latest change of one feature that still stands: neither an undoing nor undone. Owner: features.
-- Reads: audit_log. review_adoption's own changes (apply, roll_back) are among them.
SELECT
    a.id,
    a.action,
    a.actor,
    a.occurred_at,
    a.before,
    a.after
FROM audit_log AS a
WHERE
    a.organization_id = cast(:organization_id AS uuid)
    AND a.subject = :feature_id
    AND a.action IN ('set_feature', 'apply', 'roll_back')
    AND NOT EXISTS (
        SELECT 1
        FROM audit_log AS u
        WHERE u.undoes = a.id
    )
ORDER BY a.id DESC
LIMIT 1;
