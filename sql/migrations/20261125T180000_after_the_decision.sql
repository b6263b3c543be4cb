-- After the decision: which recommendations were adopted, what the former model used for each kind of request,
-- what was asked since, how answers were judged, and the track record of the promises.

-- How large a request is, counted in doublings of its text tokens: 10 holds 1024 to 2047.
CREATE FUNCTION modelscout.request_size(text_tokens numeric) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN floor(log(2, greatest(text_tokens, 1)))::smallint;
REVOKE EXECUTE ON FUNCTION modelscout.request_size(numeric) FROM public;
GRANT EXECUTE ON FUNCTION modelscout.request_size(numeric) TO modelscout_pipeline;

-- Grain: one recommended change that was made, by a person or automatically. Owner: recommender.
-- What is compared later is fixed when the change is first seen: the margin, and how the former model did in the 30
-- days before.
CREATE TABLE recommendation_adoptions (
    recommendation_id uuid PRIMARY KEY REFERENCES ai_model_recommendations (id) ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    feature_id text NOT NULL,
    former_model_id uuid NOT NULL REFERENCES ai_models (id),
    model_id uuid NOT NULL REFERENCES ai_models (id),
    switched_at timestamptz NOT NULL,
    applied_automatically boolean NOT NULL,
    margin numeric(5, 4) NOT NULL,
    former_judged bigint NOT NULL DEFAULT 0,
    former_score_sum numeric NOT NULL DEFAULT 0,
    former_latency_histogram jsonb NOT NULL DEFAULT '{}',
    input_token_ratio numeric,
    consumed_until date,
    ended_at timestamptz,
    ended_by text CHECK (ended_by IN ('roll_back', 'person')),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CHECK (former_model_id <> model_id)
);
COMMENT ON COLUMN recommendation_adoptions.input_token_ratio IS
'Text tokens of the former model for each of the new one, on the same replayed items; NULL where none were.';
COMMENT ON COLUMN recommendation_adoptions.consumed_until IS
'The last day that recommendation_days holds; NULL before the first look.';
CREATE UNIQUE INDEX recommendation_adoptions_live ON recommendation_adoptions (organization_id, feature_id)
WHERE ended_at IS NULL;

-- Grain: calls of the former model before the switch of one kind of request, in which the same kinds of tokens occur
-- (kinds, see ai_usage_priced_sums) and which no price tier parts. Owner: recommender. Written once.
-- A kind of request: processing, complexity ('' unknown), images (4 stands for more) and size (request_size).
CREATE TABLE recommendation_baselines (
    recommendation_id uuid NOT NULL REFERENCES recommendation_adoptions ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    processing text NOT NULL,
    complexity text NOT NULL,
    images smallint NOT NULL,
    size smallint NOT NULL,
    kinds smallint NOT NULL,
    input_tier smallint NOT NULL,
    attempts bigint NOT NULL,
    answers bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    cache_write_1h_tokens bigint NOT NULL,
    operations bigint NOT NULL,
    image_count bigint NOT NULL,
    priced bigint NOT NULL,
    cost_usd numeric NOT NULL,
    cost_usd_squared numeric NOT NULL,
    PRIMARY KEY (recommendation_id, processing, complexity, images, size, kinds, input_tier)
);
COMMENT ON COLUMN recommendation_baselines.cost_usd_squared IS
'Sum of the squared costs of the priced calls: how much requests of a kind differ.';

-- Grain: one day since the switch and one kind of request, answered by the new model. Owner: recommender.
CREATE TABLE recommendation_days (
    recommendation_id uuid NOT NULL REFERENCES recommendation_adoptions ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    day date NOT NULL,
    processing text NOT NULL,
    complexity text NOT NULL,
    images smallint NOT NULL,
    size smallint NOT NULL,
    answers bigint NOT NULL,
    PRIMARY KEY (recommendation_id, day, processing, complexity, images, size)
);

-- Grain: one judged answer since the switch, in the order in which judgements came in, once and for good: the evidence
-- of the roll-back guard. Owner: recommender. of_former: the former model answered, in a hold-out.
CREATE TABLE recommendation_judgements (
    recommendation_id uuid NOT NULL REFERENCES recommendation_adoptions ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    request_id text NOT NULL,
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    of_former boolean NOT NULL,
    score numeric NOT NULL CHECK (score BETWEEN 0 AND 1),
    propensity numeric(7, 6),
    PRIMARY KEY (recommendation_id, request_id)
);

DO $policies$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'recommendation_adoptions', 'recommendation_baselines', 'recommendation_days', 'recommendation_judgements'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY pipeline ON %I TO modelscout_pipeline USING (TRUE) WITH CHECK (TRUE)', name
        );
    END LOOP;
END;
$policies$;
CREATE POLICY own_rows ON recommendation_adoptions TO modelscout_organization
USING (organization_id = (SELECT modelscout.session_organization()));
CREATE POLICY scoped_rows ON recommendation_adoptions TO modelscout_application
USING (organization_id = (SELECT modelscout.transaction_organization()));
GRANT SELECT, INSERT, UPDATE, DELETE ON
recommendation_adoptions, recommendation_baselines, recommendation_days, recommendation_judgements
TO modelscout_pipeline;
GRANT SELECT ON recommendation_adoptions TO modelscout_application, modelscout_organization;

-- Intervals are of 90 %. NULL is unknown.
ALTER TABLE recommendation_outcomes
ADD COLUMN promised_saving_low_usd_per_month numeric,
ADD COLUMN promised_saving_high_usd_per_month numeric,
ADD COLUMN realised_saving_low_usd_per_month numeric,
ADD COLUMN realised_saving_high_usd_per_month numeric,
ADD COLUMN compared_days integer NOT NULL DEFAULT 0,
ADD COLUMN compared_answers bigint NOT NULL DEFAULT 0,
ADD COLUMN quality_change numeric,
ADD COLUMN quality_change_low numeric,
ADD COLUMN quality_change_high numeric,
ADD COLUMN quality_source text CHECK (quality_source IN ('hold_out', 'replay', 'outcomes')),
ADD COLUMN quality_violated boolean,
ADD COLUMN promised_median_ms numeric,
ADD COLUMN realised_median_ms numeric,
ADD COLUMN realised_median_low_ms numeric,
ADD COLUMN realised_median_high_ms numeric;
COMMENT ON COLUMN recommendation_outcomes.quality_violated IS
'Whether the measured change lies below the margin, its whole interval; NULL where quality is not verified.';

-- Grain: one organization that was advised to change a model: what became of our promises, by its own rows. Advice
-- counts once however many nights repeated it. Savings count from seven compared days on and only where promise and
-- result are both known; what is unknown is counted apart, never as zero.
CREATE VIEW recommendation_track_record WITH (security_invoker = TRUE) AS
WITH advised AS (
    SELECT
        r.organization_id,
        r.feature_id,
        r.current_model_id,
        r.recommended_model_id,
        bool_or(r.simulated) AS simulated
    FROM ai_model_recommendations AS r
    WHERE r.verdict IN ('switch', 'migrate') AND r.recommended_model_id <> r.current_model_id
    GROUP BY r.organization_id, r.feature_id, r.current_model_id, r.recommended_model_id
),

advice AS (
    SELECT
        a.organization_id,
        count(*) AS advised,
        count(*) FILTER (
            WHERE EXISTS (
                SELECT 1
                FROM recommendation_adoptions AS d
                WHERE
                    d.organization_id = a.organization_id
                    AND d.feature_id = a.feature_id
                    AND d.former_model_id = a.current_model_id
                    AND d.model_id = a.recommended_model_id
            )
        ) AS adopted,
        bool_or(a.simulated) AS simulated
    FROM advised AS a
    GROUP BY a.organization_id
),

latest AS (
    SELECT DISTINCT ON (o.recommendation_id)
        o.*,
        o.compared_days >= 7
        AND o.promised_saving_usd_per_month IS NOT NULL
        AND o.realised_saving_usd_per_month IS NOT NULL AS has_saving
    FROM recommendation_outcomes AS o
    INNER JOIN recommendation_adoptions AS d ON o.recommendation_id = d.recommendation_id
    ORDER BY o.recommendation_id ASC, o.reviewed_on DESC
),

results AS (
    SELECT
        l.organization_id,
        count(*) AS reviewed,
        count(*) FILTER (WHERE l.has_saving) AS savings_known,
        count(*) FILTER (
            WHERE l.has_saving AND l.promised_saving_low_usd_per_month IS NOT NULL
        ) AS savings_with_interval,
        count(*) FILTER (
            WHERE
            l.has_saving
            AND l.realised_saving_usd_per_month
            BETWEEN l.promised_saving_low_usd_per_month AND l.promised_saving_high_usd_per_month
        ) AS savings_inside_interval,
        sum(l.promised_saving_usd_per_month) FILTER (WHERE l.has_saving) AS promised_saving_usd_per_month,
        sum(l.realised_saving_usd_per_month) FILTER (WHERE l.has_saving) AS realised_saving_usd_per_month,
        count(l.quality_violated) AS quality_verified,
        count(*) FILTER (WHERE l.quality_violated) AS quality_violations
    FROM latest AS l
    GROUP BY l.organization_id
),

ended AS (
    SELECT
        d.organization_id,
        count(*) FILTER (WHERE d.ended_by = 'roll_back') AS rolled_back,
        count(*) FILTER (WHERE d.ended_by = 'person') AS taken_back_by_people,
        count(*) FILTER (WHERE d.applied_automatically) AS applied_automatically
    FROM recommendation_adoptions AS d
    GROUP BY d.organization_id
)

SELECT
    a.organization_id,
    a.advised,
    a.adopted,
    coalesce(e.applied_automatically, 0) AS applied_automatically,
    coalesce(r.reviewed, 0) AS reviewed,
    coalesce(r.savings_known, 0) AS savings_known,
    coalesce(r.savings_with_interval, 0) AS savings_with_interval,
    coalesce(r.savings_inside_interval, 0) AS savings_inside_interval,
    r.promised_saving_usd_per_month,
    r.realised_saving_usd_per_month,
    coalesce(r.quality_verified, 0) AS quality_verified,
    coalesce(r.quality_violations, 0) AS quality_violations,
    coalesce(e.rolled_back, 0) AS rolled_back,
    coalesce(e.taken_back_by_people, 0) AS taken_back_by_people,
    a.simulated
FROM advice AS a
LEFT JOIN results AS r ON a.organization_id = r.organization_id
LEFT JOIN ended AS e ON a.organization_id = e.organization_id;
GRANT SELECT ON recommendation_track_record
TO modelscout_pipeline, modelscout_application, modelscout_organization;
