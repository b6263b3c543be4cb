-- Usage events, their outcomes, what could not be read, and the daily rollup.

-- Grain: one attempt of one AI call. Writes: applications, recorder, importers. Reads: rollup.
-- A redelivery repeats occurred_at, so the natural key recognises it.
CREATE TABLE ai_usage_events (
    organization_id uuid NOT NULL,
    feature_id text NOT NULL,
    provider text NOT NULL,
    requested_model text NOT NULL,
    served_model text,
    request_id text NOT NULL,
    attempt smallint NOT NULL DEFAULT 1 CHECK (attempt >= 1),
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    input_tokens bigint NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    output_tokens bigint NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
    cache_read_tokens bigint NOT NULL DEFAULT 0 CHECK (cache_read_tokens >= 0),
    cache_write_tokens bigint NOT NULL DEFAULT 0 CHECK (cache_write_tokens >= 0),
    cache_write_1h_tokens bigint NOT NULL DEFAULT 0 CHECK (cache_write_1h_tokens >= 0),
    reasoning_tokens bigint NOT NULL DEFAULT 0 CHECK (reasoning_tokens >= 0),
    image_tokens bigint NOT NULL DEFAULT 0 CHECK (image_tokens >= 0),
    image_count integer NOT NULL DEFAULT 0 CHECK (image_count >= 0),
    operations integer NOT NULL DEFAULT 0 CHECK (operations >= 0),
    processing text NOT NULL DEFAULT 'standard'
    CHECK (processing IN ('standard', 'batch', 'flex', 'priority')),
    duration_ms integer CHECK (duration_ms >= 0),
    time_to_first_token_ms integer CHECK (time_to_first_token_ms >= 0),
    error_type text,
    confidence numeric(5, 4) CHECK (confidence BETWEEN 0 AND 1),
    user_hash text,
    item_key text,
    workload jsonb NOT NULL DEFAULT '{}',
    experiment_id text,
    propensity numeric(7, 6) CHECK (propensity > 0 AND propensity <= 1),
    simulated boolean NOT NULL DEFAULT FALSE,
    added_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (organization_id, request_id, attempt, occurred_at),
    CHECK (cache_read_tokens + cache_write_tokens <= input_tokens),
    CHECK (cache_write_1h_tokens <= cache_write_tokens),
    CHECK (reasoning_tokens <= output_tokens)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX ai_usage_events_added ON ai_usage_events (added_by);
CREATE INDEX ai_usage_events_day ON ai_usage_events (organization_id, occurred_at);

-- Grain: one judgement of one answer, arriving when it arrives. score 0 to 1.
CREATE TABLE ai_usage_outcomes (
    organization_id uuid NOT NULL,
    request_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('correction', 'rating', 'check')),
    score numeric(5, 4) NOT NULL CHECK (score BETWEEN 0 AND 1),
    recorded_at timestamptz NOT NULL,
    added_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (organization_id, request_id, kind)
);
CREATE INDEX ai_usage_outcomes_added ON ai_usage_outcomes (added_by);

-- Grain: one record that could not be taken in, with why and how to mend it.
CREATE TABLE ai_usage_quarantine (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid,
    natural_key text NOT NULL UNIQUE,
    reason text NOT NULL,
    remedy text NOT NULL,
    payload jsonb NOT NULL,
    quarantined_at timestamptz NOT NULL DEFAULT now(),
    replayed_at timestamptz
);

-- Grain: one model, organization, feature and day. Rebuilt whole from the events, never incremented.
CREATE TABLE ai_model_analytics (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    model_id uuid REFERENCES ai_models (id) ON DELETE CASCADE,
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    feature_id text,
    success_rate numeric(5, 4),
    avg_response_time integer,
    avg_confidence numeric(5, 4),
    total_requests bigint NOT NULL DEFAULT 0,
    total_cost numeric,
    date date NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    success_count bigint NOT NULL DEFAULT 0,
    error_count bigint NOT NULL DEFAULT 0,
    errors_by_type jsonb NOT NULL DEFAULT '{}',
    duration_sum_ms bigint NOT NULL DEFAULT 0,
    duration_count bigint NOT NULL DEFAULT 0,
    latency_histogram jsonb NOT NULL DEFAULT '{}',
    confidence_sum numeric NOT NULL DEFAULT 0,
    confidence_count bigint NOT NULL DEFAULT 0,
    outcome_score_sum numeric NOT NULL DEFAULT 0,
    outcome_count bigint NOT NULL DEFAULT 0,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cache_read_tokens bigint NOT NULL DEFAULT 0,
    cache_write_tokens bigint NOT NULL DEFAULT 0,
    cache_write_1h_tokens bigint NOT NULL DEFAULT 0,
    reasoning_tokens bigint NOT NULL DEFAULT 0,
    image_tokens bigint NOT NULL DEFAULT 0,
    image_count bigint NOT NULL DEFAULT 0,
    operations bigint NOT NULL DEFAULT 0,
    priced_requests bigint NOT NULL DEFAULT 0,
    unpriced_requests bigint NOT NULL DEFAULT 0,
    estimated_requests bigint NOT NULL DEFAULT 0,
    user_sketch bigint[] NOT NULL DEFAULT '{}',
    simulated boolean NOT NULL DEFAULT FALSE,
    CONSTRAINT ai_model_analytics_key
    UNIQUE NULLS NOT DISTINCT (model_id, organization_id, feature_id, date)
);
CREATE INDEX ai_model_analytics_day ON ai_model_analytics (organization_id, date);

-- Grain: one row, where the rollup stands: everything added by transactions before this one is in.
CREATE TABLE usage_rollup_state (
    only_row boolean PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    added_before xid8 NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Grain: one expectation in one validation of one table.
CREATE TABLE data_quality_results (
    run_key text NOT NULL,
    table_name text NOT NULL,
    expectation text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('block', 'warn')),
    success boolean NOT NULL,
    observed jsonb NOT NULL DEFAULT '{}',
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (run_key, table_name, expectation)
);

-- Days' partitions from the first to the last day, both included. Idempotent; safe twice at once.
-- Runs as the owner: whoever makes partitions need not own the table. A new partition is granted to nobody.
CREATE FUNCTION modelscout.ensure_usage_partitions(first_day date, last_day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    day date := first_day;
    created integer := 0;
    partition_name text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('modelscout.ensure_usage_partitions'));
    WHILE day <= last_day LOOP
        partition_name := 'ai_usage_events_' || to_char(day, 'YYYYMMDD');
        IF to_regclass('public.' || partition_name) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE public.%I PARTITION OF public.ai_usage_events FOR VALUES FROM (%L) TO (%L)',
                partition_name,
                day::timestamp AT TIME ZONE 'UTC',
                (day + 1)::timestamp AT TIME ZONE 'UTC'
            );
            created := created + 1;
        END IF;
        day := day + 1;
    END LOOP;
    RETURN created;
END;
$function$;
