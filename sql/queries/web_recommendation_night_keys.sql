-- Grain: one recommendation of one night, what matters most first. Owner: web. Reads:
-- ai_model_recommendations, by an index alone. Parameters: organization_ids (NULL: all, for administrators only),
-- verdict, status, feature_id (NULL: any), the key of the last row seen, max_rows, night.
WITH ranked AS (
    SELECT
        r.id,
        r.saving_usd_per_month,
        CASE
            WHEN r.status <> 'open' THEN 3
            WHEN r.verdict = 'migrate' THEN 0
            WHEN r.verdict = 'switch' THEN 1
            WHEN r.verdict = 'trial' THEN 2
            WHEN r.verdict = 'keep' THEN 4
            ELSE 5
        END AS importance,
        -coalesce(r.saving_usd_per_month, '-Infinity') AS saving_order
    FROM ai_model_recommendations AS r
    WHERE
        r.decision_date = cast(:night AS date)
        AND (
            cast(:organization_ids AS uuid[]) IS NULL
            OR r.organization_id = any(cast(:organization_ids AS uuid[]))
        )
        AND (cast(:verdict AS text) IS NULL OR r.verdict = cast(:verdict AS text))
        AND (cast(:status AS text) IS NULL OR r.status = cast(:status AS text))
        AND (cast(:feature_id AS text) IS NULL OR r.feature_id = cast(:feature_id AS text))
)

SELECT
    k.id,
    k.importance,
    cast(k.saving_usd_per_month AS text) AS saving
FROM ranked AS k
WHERE
    cast(:after_importance AS integer) IS NULL
    OR (k.importance, k.saving_order, k.id)
    > (
        cast(:after_importance AS integer),
        -coalesce(cast(:after_saving AS numeric), '-Infinity'),
        cast(:after_id AS uuid)
    )
ORDER BY k.importance ASC, k.saving_order ASC, k.id ASC
LIMIT :max_rows;
