-- Grain: one adopted recommendation under review. Owner: recommender. Reads: recommendation_adoptions,
-- recommendation_baselines, recommendation_days, ai_models, ai_model_prices, ai_model_analytics.
-- What the same answers would have cost on the former model: the answers of each kind of request since the switch, times
-- the tokens that the former model used for an answer of that kind (failed attempts included), at its price of each day,
-- as this organization pays it; beside what was really paid, failed attempts included. A kind with fewer than :least
-- answers before the switch takes the mean of all kinds. A day is compared where both are known and the answers counted
-- by kind are those of the rollup, within 1 %; days without traffic count, with nothing on either side.
-- variance_usd: of the former cost, from how much the requests of a kind differed: C^2 r (1/n + 1/N) a kind, with its cost
-- C, relative variance r, n answers before and N since. NULL is unknown.
WITH reviewed AS (
    SELECT
        a.recommendation_id,
        a.organization_id,
        a.feature_id,
        a.model_id,
        m.provider,
        m.provider_model_id,
        (a.switched_at AT TIME ZONE 'UTC')::date + 1 AS first_day,
        least(
            cast(:today AS date),
            (a.switched_at AT TIME ZONE 'UTC')::date + 1 + cast(:review_days AS integer),
            (a.ended_at AT TIME ZONE 'UTC')::date
        ) AS end_day
    FROM recommendation_adoptions AS a
    INNER JOIN ai_models AS m ON a.former_model_id = m.id
    WHERE a.recommendation_id = any(cast(:recommendation_ids AS uuid[]))
),

kinds AS (
    SELECT
        b.recommendation_id,
        concat_ws('/', b.processing, b.complexity, b.images, b.size) AS kind,
        sum(b.answers) AS answers,
        sum(b.cost_usd_squared) * sum(b.priced) / nullif(sum(b.cost_usd) ^ 2, 0) - 1 AS relative_variance
    FROM recommendation_baselines AS b
    INNER JOIN reviewed AS r ON b.recommendation_id = r.recommendation_id
    GROUP BY b.recommendation_id, b.processing, b.complexity, b.images, b.size
    HAVING sum(b.answers) >= :least
    UNION ALL
    SELECT
        b.recommendation_id,
        'all' AS kind,
        sum(b.answers) AS answers,
        sum(b.cost_usd_squared) * sum(b.priced) / nullif(sum(b.cost_usd) ^ 2, 0) - 1 AS relative_variance
    FROM recommendation_baselines AS b
    INNER JOIN reviewed AS r ON b.recommendation_id = r.recommendation_id
    GROUP BY b.recommendation_id
    HAVING sum(b.answers) > 0
),

-- Tokens of each kind by what its prices may tell apart.
parts AS (
    SELECT
        b.recommendation_id,
        k.kind,
        k.answers,
        b.kinds,
        b.input_tier,
        sum(b.input_tokens) / sum(b.attempts) AS mean_input_tokens,
        sum(b.input_tokens)::bigint AS input_tokens,
        sum(b.output_tokens)::bigint AS output_tokens,
        sum(b.cache_read_tokens)::bigint AS cache_read_tokens,
        sum(b.cache_write_tokens)::bigint AS cache_write_tokens,
        sum(b.cache_write_1h_tokens)::bigint AS cache_write_1h_tokens,
        sum(b.operations)::bigint AS operations,
        sum(b.image_count)::bigint AS image_count,
        count(*) OVER (PARTITION BY b.recommendation_id, k.kind) AS part_count
    FROM recommendation_baselines AS b
    INNER JOIN kinds AS k
        ON
            b.recommendation_id = k.recommendation_id
            AND k.kind IN ('all', concat_ws('/', b.processing, b.complexity, b.images, b.size))
    GROUP BY b.recommendation_id, k.kind, k.answers, b.kinds, b.input_tier
),

asked AS (
    SELECT
        d.recommendation_id,
        d.day,
        d.processing,
        coalesce(k.kind, 'all') AS kind,
        sum(d.answers) AS answers
    FROM recommendation_days AS d
    INNER JOIN reviewed AS r
        ON d.recommendation_id = r.recommendation_id AND d.day >= r.first_day AND d.day < r.end_day
    LEFT JOIN kinds AS k
        ON
            d.recommendation_id = k.recommendation_id
            AND concat_ws('/', d.processing, d.complexity, d.images, d.size) = k.kind
    GROUP BY d.recommendation_id, d.day, d.processing, coalesce(k.kind, 'all')
),

prices AS (
    SELECT
        q.recommendation_id,
        q.processing AS priced_as,
        p.*
    FROM (
        SELECT DISTINCT
            a.recommendation_id,
            a.processing
        FROM asked AS a
    ) AS q
    INNER JOIN reviewed AS r ON q.recommendation_id = r.recommendation_id
    CROSS JOIN LATERAL modelscout.price_periods(
        r.organization_id, r.provider, r.provider_model_id, q.processing
    ) AS p
),

answer_costs AS (
    SELECT
        t.recommendation_id,
        t.kind,
        x.priced_as,
        x.valid_from,
        x.valid_until,
        CASE WHEN count(c.cost_usd) = max(t.part_count) THEN sum(c.cost_usd) / max(t.answers) END AS cost_usd
    FROM parts AS t
    INNER JOIN prices AS x
        ON
            t.recommendation_id = x.recommendation_id
            AND t.mean_input_tokens > x.more_than_input_tokens
            AND t.mean_input_tokens <= x.up_to_input_tokens
    CROSS JOIN
        LATERAL modelscout.usage_cost(
            t.input_tokens,
            t.output_tokens,
            t.cache_read_tokens,
            t.cache_write_tokens,
            t.cache_write_1h_tokens,
            t.operations,
            t.image_count,
            x.input_usd,
            x.cache_read_usd,
            x.cache_write_usd,
            x.cache_write_1h_usd,
            x.output_usd, x.operation_usd, x.image_usd
        ) AS c (cost_usd)
    GROUP BY t.recommendation_id, t.kind, x.priced_as, x.valid_from, x.valid_until
),

former AS (
    SELECT
        a.recommendation_id,
        a.day,
        a.kind,
        a.answers,
        a.answers * c.cost_usd AS cost_usd
    FROM asked AS a
    LEFT JOIN answer_costs AS c
        ON
            a.recommendation_id = c.recommendation_id
            AND a.kind = c.kind
            AND a.processing = c.priced_as
            -- The price of a day is that of its noon.
            AND (a.day::timestamp + interval '12 hours') AT TIME ZONE 'UTC' >= c.valid_from
            AND (a.day::timestamp + interval '12 hours') AT TIME ZONE 'UTC' < c.valid_until
),

former_days AS (
    SELECT
        f.recommendation_id,
        f.day,
        sum(f.answers) AS answers,
        CASE WHEN count(f.cost_usd) = count(*) THEN sum(f.cost_usd) END AS cost_usd
    FROM former AS f
    GROUP BY f.recommendation_id, f.day
),

days AS (
    SELECT
        r.recommendation_id,
        d.day::date AS day,
        CASE WHEN f.day IS NULL THEN 0 ELSE f.cost_usd END AS former_usd,
        CASE
            WHEN n.date IS NULL THEN 0
            WHEN n.unpriced_requests = 0 THEN n.total_cost
        END AS paid_usd,
        coalesce(f.answers, 0) AS answers,
        coalesce(n.success_count, 0) AS rolled_up
    FROM reviewed AS r
    CROSS JOIN
        LATERAL generate_series(
            r.first_day::timestamp, r.end_day::timestamp - interval '1 day', interval '1 day'
        ) AS d (day)
    LEFT JOIN former_days AS f ON r.recommendation_id = f.recommendation_id AND d.day::date = f.day
    LEFT JOIN ai_model_analytics AS n
        ON
            r.organization_id = n.organization_id
            AND r.feature_id = n.feature_id
            AND r.model_id = n.model_id
            AND d.day::date = n.date
),

compared AS (
    SELECT d.*
    FROM days AS d
    WHERE
        d.former_usd IS NOT NULL
        AND d.paid_usd IS NOT NULL
        AND abs(d.answers - d.rolled_up) <= 0.01 * d.rolled_up
),

kind_totals AS (
    SELECT
        f.recommendation_id,
        f.kind,
        sum(f.answers) AS answers,
        sum(f.cost_usd) AS cost_usd
    FROM former AS f
    INNER JOIN compared AS c ON f.recommendation_id = c.recommendation_id AND f.day = c.day
    GROUP BY f.recommendation_id, f.kind
),

variances AS (
    SELECT
        t.recommendation_id,
        sum(t.answers) FILTER (WHERE t.kind = 'all') AS answers_of_new_kinds,
        CASE
            WHEN count(k.relative_variance) = count(*)
                THEN
                    sum(t.cost_usd ^ 2 * greatest(k.relative_variance, 0) * (1 / k.answers + 1 / t.answers))
        END AS variance_usd
    FROM kind_totals AS t
    INNER JOIN kinds AS k ON t.recommendation_id = k.recommendation_id AND t.kind = k.kind
    GROUP BY t.recommendation_id
)

SELECT
    r.recommendation_id::text AS recommendation_id,
    greatest(r.end_day - r.first_day, 0) AS days,
    count(c.day) AS compared_days,
    coalesce(sum(c.answers), 0)::bigint AS answers,
    coalesce(max(v.answers_of_new_kinds), 0)::bigint AS answers_of_new_kinds,
    sum(c.former_usd) AS former_usd,
    sum(c.paid_usd) AS paid_usd,
    max(v.variance_usd) AS variance_usd
FROM reviewed AS r
LEFT JOIN compared AS c ON r.recommendation_id = c.recommendation_id
LEFT JOIN variances AS v ON r.recommendation_id = v.recommendation_id
GROUP BY r.recommendation_id, r.first_day, r.end_day;
