-- Grain: one row, the statement that defines the temporary view changed_events. Owner: analytics.
-- Reads: changed_runs, ai_model_prices. The view: the events of the changed hours with their hour, and two numbers that
-- tell apart what a price may tell apart: price_part, how many prices have begun inside the range before the event
-- (those that begin with an hour part nothing), and input_tier, how many tiers begin below its input tokens.
-- A view with its values in it and not a join: where all organizations have one run in common, nothing is looked up for
-- an event; else the runs are joined, so that the index of (organization_id, occurred_at) can be used.
WITH runs AS (
    SELECT
        min(r.from_at) AS from_at,
        max(r.until_at) AS until_at,
        array_agg(r.organization_id) AS organizations,
        coalesce(min(r.from_at) = max(r.from_at) AND min(r.until_at) = max(r.until_at), TRUE) AS in_common
    FROM changed_runs AS r
),

p AS (
    SELECT DISTINCT q.valid_from
    FROM ai_model_prices AS q
    WHERE q.superseded_at IS NULL AND q.valid_from <> modelscout.hour_of(q.valid_from)
),

parts AS (
    SELECT coalesce(string_agg(format('(e.occurred_at >= %L)::integer', p.valid_from), ' + '), '0') AS number
    FROM runs AS r
    INNER JOIN p ON r.from_at < p.valid_from AND r.until_at > p.valid_from
),

tiers AS (
    SELECT
        coalesce(string_agg(format('(e.input_tokens > %s)::integer', p.above_input_tokens), ' + '), '0')
            AS number
    FROM (
        SELECT DISTINCT q.above_input_tokens
        FROM ai_model_prices AS q
        WHERE q.superseded_at IS NULL AND q.above_input_tokens > 0
    ) AS p
)

SELECT
    format(
        'CREATE TEMPORARY VIEW changed_events AS SELECT e.*, modelscout.hour_of(e.occurred_at) AS hour, '
        '%s AS price_part, %s AS input_tier FROM %s WHERE e.occurred_at >= %L AND e.occurred_at < %L%s',
        p.number,
        t.number,
        CASE
            WHEN r.in_common THEN 'ai_usage_events AS e'
            ELSE
                'changed_runs AS r INNER JOIN ai_usage_events AS e ON r.organization_id = e.organization_id '
                'AND r.from_at <= e.occurred_at AND r.until_at > e.occurred_at'
        END,
        coalesce(r.from_at, 'infinity'),
        coalesce(r.until_at, 'infinity'),
        CASE
            WHEN r.in_common
                THEN format(' AND e.organization_id = any(%L::uuid[])', coalesce(r.organizations, '{}'))
        END
    ) AS statement
FROM runs AS r
CROSS JOIN parts AS p
CROSS JOIN tiers AS t;
