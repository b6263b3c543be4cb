-- Grain: all consumed days of some due streams, those with a number from :first to before :last. Owner: drift.
-- Reads: drift_due, model_drift_days. position counts a stream's days from 0.
-- Each column is one value: its figures as packed 8-byte floats, most significant byte first, as NumPy reads them
-- without an object per figure. What is not settled is NaN.
SELECT
    string_agg(float8send((y.number - :first)::double precision), '') AS stream,
    string_agg(float8send(y.position::double precision), '') AS position,
    string_agg(float8send((y.day - date '1970-01-01')::double precision), '') AS day,
    string_agg(float8send(y.requests::double precision), '') AS requests,
    string_agg(float8send(y.successes::double precision), '') AS successes,
    string_agg(float8send(coalesce(y.judged::double precision, 'NaN')), '') AS judged,
    string_agg(float8send(coalesce(y.score_sum::double precision, 'NaN')), '') AS score_sum,
    string_agg(float8send(y.timed::double precision), '') AS timed,
    string_agg(float8send(y.slowness_sum::double precision), '') AS slowness_sum,
    string_agg(float8send(y.priced::double precision), '') AS priced,
    string_agg(float8send(y.cost_usd::double precision), '') AS cost_sum,
    string_agg(float8send(y.input_tokens::double precision / greatest(y.successes, 1)), '') AS input_tokens
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
