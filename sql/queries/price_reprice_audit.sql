-- Grain: one organization whose rollup of a range of days a re-pricing changed. Owner: analytics.
-- Reads: repriced_before, ai_model_analytics. Writes: audit_log. What changed nothing leaves no row, so that a
-- second run of the same leaves none. Totals are text: JSON has no exact decimals.
WITH now_rolled AS (
    SELECT r.*
    FROM ai_model_analytics AS r
    WHERE
        r.date BETWEEN cast(:first_day AS date) AND cast(:last_day AS date)
        AND (cast(:organization_id AS uuid) IS NULL OR r.organization_id = cast(:organization_id AS uuid))
),

compared AS (
    SELECT
        coalesce(a.organization_id, b.organization_id) AS organization_id,
        b.total_cost AS cost_before,
        a.total_cost AS cost_after,
        b.total_requests AS requests_before,
        a.total_requests AS requests_after,
        b.unpriced_requests AS unpriced_before,
        a.unpriced_requests AS unpriced_after,
        jsonb_build_array(
            b.total_cost, b.total_requests, b.unpriced_requests, b.estimated_requests
        ) <> jsonb_build_array(
            a.total_cost, a.total_requests, a.unpriced_requests, a.estimated_requests
        ) AS changed
    FROM repriced_before AS b
    FULL JOIN now_rolled AS a
        ON
            b.organization_id = a.organization_id
            AND b.model_id = a.model_id
            AND b.feature_id = a.feature_id
            AND b.date = a.date
),

totals AS (
    SELECT
        c.organization_id,
        coalesce(sum(c.cost_before), 0)::text AS cost_before,
        coalesce(sum(c.cost_after), 0)::text AS cost_after,
        coalesce(sum(c.requests_before), 0) AS requests_before,
        coalesce(sum(c.requests_after), 0) AS requests_after,
        coalesce(sum(c.unpriced_before), 0) AS unpriced_before,
        coalesce(sum(c.unpriced_after), 0) AS unpriced_after,
        count(*) FILTER (WHERE c.changed) AS changed_rows
    FROM compared AS c
    GROUP BY c.organization_id
),

logged AS (
    INSERT INTO audit_log (organization_id, actor, action, subject, before, after, occurred_at)
    SELECT
        t.organization_id,
        :actor,
        'reprice',
        concat_ws('/', cast(:first_day AS date), cast(:last_day AS date)),
        jsonb_build_object(
            'total_cost_usd', t.cost_before,
            'requests', t.requests_before,
            'unpriced_requests', t.unpriced_before
        ),
        jsonb_build_object(
            'total_cost_usd', t.cost_after,
            'requests', t.requests_after,
            'unpriced_requests', t.unpriced_after,
            'changed_rows', t.changed_rows
        ),
        :now
    FROM totals AS t
    WHERE t.changed_rows > 0
)

SELECT
    o.slug AS organization,
    t.organization_id::text AS organization_id,
    t.cost_before::numeric AS cost_before_usd,
    t.cost_after::numeric AS cost_after_usd,
    t.unpriced_before::bigint AS unpriced_before,
    t.unpriced_after::bigint AS unpriced_after,
    t.changed_rows
FROM totals AS t
LEFT JOIN organizations AS o ON t.organization_id = o.id
ORDER BY o.slug, t.organization_id;
