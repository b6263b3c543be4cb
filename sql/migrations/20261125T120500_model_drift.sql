-- Models that change under the same id: what was watched of each stream, and since when what was measured no
-- longer holds.

-- Grain: one stream: one model on one feature of one organization. Writes: drift.
-- Opened once there are requests enough to set its latency thresholds (buckets of latency_histogram) and unit
-- prices; both stay what they are, so that neither late figures nor price changes look like a change of the model.
-- unit_prices: USD per input, cache read, cache write, 1 h cache write, output, operation and image; NULL unknown.
CREATE TABLE model_drift_state (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    feature_id text NOT NULL,
    model_id uuid NOT NULL REFERENCES ai_models (id) ON DELETE CASCADE,
    reference_from date NOT NULL,
    consumed_until date NOT NULL,
    latency_thresholds integer[],
    unit_prices numeric[],
    served_model text,
    points integer NOT NULL DEFAULT 0,
    log_e_value double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, feature_id, model_id)
);

-- Grain: one stream and day as it was consumed, for good: a day that is rolled up again later changes nothing here.
-- judged and score_sum are NULL until the day's outcomes have had their time to come in.
CREATE TABLE model_drift_days (
    organization_id uuid NOT NULL,
    feature_id text NOT NULL,
    model_id uuid NOT NULL,
    day date NOT NULL,
    requests bigint NOT NULL,
    successes bigint NOT NULL,
    judged bigint,
    score_sum numeric,
    timed bigint NOT NULL,
    slowness_sum numeric NOT NULL,
    priced bigint NOT NULL,
    cost_usd numeric NOT NULL,
    input_tokens bigint NOT NULL,
    served_model text,
    simulated boolean NOT NULL,
    PRIMARY KEY (organization_id, feature_id, model_id, day),
    FOREIGN KEY (organization_id, feature_id, model_id) REFERENCES model_drift_state ON DELETE CASCADE
);
CREATE INDEX model_drift_days_unsettled ON model_drift_days (day) WHERE judged IS NULL;

DO $policies$
DECLARE
    target text;
BEGIN
    FOREACH target IN ARRAY ARRAY['model_drift_state', 'model_drift_days'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', target);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
        EXECUTE format(
            'CREATE POLICY pipeline ON %I TO modelscout_pipeline USING (TRUE) WITH CHECK (TRUE)', target
        );
    END LOOP;
END;
$policies$;
GRANT SELECT, INSERT, UPDATE, DELETE ON model_drift_state, model_drift_days TO modelscout_pipeline;

-- The one place that reads a latency histogram: bucket i holds (1.02^(i-1), 1.02^i] ms.
CREATE FUNCTION modelscout.latency_buckets(histogram jsonb) RETURNS TABLE (bucket integer, requests bigint)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 100 AS $function$
SELECT
    b.key::integer,
    b.value::bigint
FROM jsonb_each_text(histogram) AS b
$function$;
GRANT EXECUTE ON FUNCTION modelscout.latency_buckets(jsonb) TO public;

CREATE INDEX model_events_drift ON model_events (model_id, organization_id, occurred_at)
WHERE kind IN ('drifted', 'served_model_changed');

-- Grain: one model that changed under its id in one organization's traffic. What was measured before drifted_at
-- is of another model. of_vendor: seen behind the vendor's own endpoint, so that it concerns the model everywhere.
CREATE VIEW model_drifts WITH (security_invoker = TRUE) AS
SELECT
    e.organization_id,
    e.model_id,
    max(e.occurred_at) AS drifted_at,
    bool_or(coalesce(k.speaks_for_vendor, FALSE) OR m.owner_organization_id IS NOT NULL) AS of_vendor
FROM model_events AS e
INNER JOIN ai_models AS m ON e.model_id = m.id
LEFT JOIN organization_provider_keys AS k ON e.organization_id = k.organization_id AND m.provider = k.provider
WHERE e.kind IN ('drifted', 'served_model_changed')
GROUP BY e.organization_id, e.model_id;

-- Grain: one model that changed under its id for everybody.
CREATE VIEW vendor_model_drifts WITH (security_invoker = TRUE) AS
SELECT
    d.model_id,
    max(d.drifted_at) AS drifted_at
FROM model_drifts AS d
WHERE d.of_vendor
GROUP BY d.model_id;
GRANT SELECT ON model_drifts, vendor_model_drifts TO modelscout_pipeline;
