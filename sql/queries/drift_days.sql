-- Grain: all consumed days of some due streams, those with a number from :first to before :last, as parallel
-- arrays. Owner: drift. Reads: drift_due, model_drift_days. position counts a stream's days from 0.
SELECT
    array_agg((y.number - :first)::integer) AS stream,
    array_agg(y.position::integer) AS position,
    array_agg((y.day - date '1970-01-01')::integer) AS day,
    array_agg(y.requests::double precision) AS requests,
    array_agg(y.successes::double precision) AS successes,
    array_agg(y.judged::double precision) AS judged,
    array_agg(y.score_sum::double precision) AS score_sum,
    array_agg(y.timed::double precision) AS timed,
    array_agg(y.slowness_sum::double precision) AS slowness_sum,
    array_agg(y.priced::double precision) AS priced,
    array_agg(y.cost_usd::double precision) AS cost_sum,
    array_agg(y.input_tokens::double precision / greatest(y.successes, 1)) AS input_tokens
FROM (
    SELECT
        v.*,
        d.number,
        row_number() OVER (PARTITION BY d.number ORDER BY v.day) - 1 AS position
    FROM drift_due AS d
    INNER JOIN model_drift_days AS v
        ON d.organization_id = v.organization_id AND d.feature_id = v.feature_id AND d.model_id = v.model_id
    WHERE d.number >= :first AND d.number < :last
) AS y;
